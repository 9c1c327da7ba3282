import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { expect, onTestFinished, test } from 'vitest'
import { startRedis } from '../../scripts/lib/servers/redis/server.js'
import { type Engine, FlashSale, redisEngine } from '../../src/index.js'
import { TestClock } from '../support/test-clock.js'
import { everything } from './support/stored.js'

const config = {
  appendonly: 'yes',
  appendfsync: 'always',
  'aof-load-truncated': 'yes',
  'enable-debug-command': 'local',
}
const buy = (buyer: string, quantity = 1) => ({ buyer, key: 'k', items: [{ sku: 'phone', quantity }] })

/** What a server leaves behind that was killed after its last transaction. */
interface Left {
  readonly dir: string
  /** The append-only file, inside of `dir`. */
  readonly file: string
  readonly bytes: Buffer
  /** Where the last transaction begins. */
  readonly begins: number
  /** The reservation it made. */
  readonly made: string
  /** Of all data before it and after it. */
  readonly digests: readonly [before: string, after: string]
}

async function leave(): Promise<Left> {
  const dir = await mkdtemp(join(tmpdir(), 'stockhold-aof-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  const server = await startRedis({ config, dir })
  // Each of the servers that read the file would compile a library of functions: half of its work.
  const engine = redisEngine(server.url, { heartbeat: false, scripting: 'eval' })
  const client = new Redis(server.url)
  // Its time stands still: a sweep would be a transaction more.
  const sale = new FlashSale('launch', { engine: new TestClock().drive(engine) })
  const reserved = async (...order: Parameters<typeof sale.reserve>) => {
    const answer = await sale.reserve(...order)
    return answer.status === 'reserved' ? answer.reservation.id : expect.fail(answer.status)
  }
  try {
    await sale.create({ stock: { phone: 5 }, limitPerBuyer: 3 })
    await sale.confirm(await reserved(buy('paid')))
    // It has expired by then: the last transaction gives it back too, so it changes what there is
    // and adds to it.
    await reserved({ ...buy('gone'), holdMs: 5 })
    await delay(20)
    const file = join('appendonlydir', (await readdir(join(dir, 'appendonlydir'))).find(isIncrement)!)
    const { length: begins } = await readFile(join(dir, file))
    const before = await digest(client)
    const made = await reserved(buy('last', 2))
    const after = await digest(client)
    client.disconnect()
    await server.kill()
    return { dir, file, begins, made, digests: [before, after], bytes: await readFile(join(dir, file)) }
  } finally {
    client.disconnect()
    await sale.close()
    await engine.close()
    await server.stop()
  }
}

const digest = async (client: Redis) => String(await client.call('DEBUG', 'DIGEST'))
const isIncrement = (name: string) => name.endsWith('.incr.aof')

/** One server after another on one copy of the folder, its file cut after each of `lengths`. */
async function reviveAt(left: Left, lengths: readonly number[]): Promise<void> {
  const dir = `${left.dir}-${lengths[0]}`
  // The socket of the server that was killed is no file to be copied.
  await cp(left.dir, dir, { recursive: true, filter: (path) => !path.endsWith('.sock') })
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  const server = await startRedis({ config, dir })
  // Of a server that still reads its file the driver would ask again a second later.
  const patient = { retryStrategy: () => 5, maxLoadingRetryTime: 5, maxRetriesPerRequest: null }
  const client = new Redis(server.url, { ...patient, autoResendUnfulfilledCommands: false })
  client.on('error', () => {})
  const engine = redisEngine(client, { heartbeat: false })
  try {
    for (const length of lengths) {
      await writeFile(join(dir, left.file), left.bytes.subarray(0, length))
      const gone = new Promise((resolve) => client.once('close', resolve))
      // The process executes its program again: much cheaper than another process. The driver never
      // settles the call.
      void client.call('DEBUG', 'CRASH-AND-RECOVER', '0')
      await gone
      const whole = length === left.bytes.length
      const what = `${length - left.begins} bytes of ${left.bytes.length - left.begins}`
      expect(await digest(client), what).toBe(left.digests[whole ? 1 : 0])
      // What the data says is always the same, so what follows from it is looked at now and then.
      if (whole || (length - left.begins) % 60 === 0) await goesOn(left, whole, engine)
    }
  } finally {
    client.disconnect()
    await server.stop()
  }
}

/**
 * For a handle that has seen nothing of what came before: the process that asked last is gone too.
 */
async function goesOn(left: Left, whole: boolean, engine: Engine): Promise<void> {
  await using sale = new FlashSale('launch', { engine, deadlineMs: 60_000 })
  const before = await everything(engine, 'launch')
  expect(before.map(({ buyer }) => buyer).sort()).toEqual(whole ? ['gone', 'last', 'paid'] : ['gone', 'paid'])
  // Whoever was not answered asks again with the same key; then the rest is sold, and not a unit
  // more.
  const orders = [buy('last', 2), buy('rest', 2), buy('late')].map((order) => sale.reserve(order))
  const [told, rest, late] = await Promise.all(orders)
  expect(told).toMatchObject({ status: 'reserved', replayed: whole })
  if (whole && told?.status === 'reserved') expect(told.reservation.id).toBe(left.made)
  expect([rest?.status, late?.status]).toEqual(['reserved', 'sold_out'])
  const { violations, skus } = await sale.audit()
  expect(violations).toEqual([])
  expect(skus.phone).toMatchObject({ total: 5, available: 0, held: 4, confirmed: 1 })
}

/**
 * Its caller was never answered, for Redis answers when the disk has it all: so half of it must
 * count as nothing.
 */
test('the append-only file ends at each byte of its last transaction: all of it has happened, or nothing', async () => {
  const left = await leave()
  const { begins, bytes } = left
  expect(bytes.toString('latin1', begins, begins + 15)).toBe('*1\r\n$5\r\nMULTI\r\n')
  expect(bytes.toString('latin1').endsWith('EXEC\r\n')).toBe(true)
  const lengths = Array.from({ length: bytes.length - begins + 1 }, (_, i) => begins + i)
  const lanes = [0, 1, 2].map((lane) => lengths.filter((_, i) => i % 3 === lane))
  await Promise.all(lanes.map((lane) => reviveAt(left, lane)))
})

/** What a killed server has written half of must not become part of what it writes next. */
test('the file ends within its last transaction, is repaired, and the server is killed once more: it has what it acknowledged', async () => {
  const left = await leave()
  const { begins, bytes } = left
  for (let length = begins + 1; length < bytes.length; length += 60) {
    const dir = `${left.dir}-again-${length}`
    await cp(left.dir, dir, { recursive: true, filter: (path) => !path.endsWith('.sock') })
    onTestFinished(() => rm(dir, { recursive: true, force: true }))
    await writeFile(join(dir, left.file), bytes.subarray(0, length))
    const server = await startRedis({ config, dir })
    const client = new Redis(server.url)
    client.on('error', () => {})
    const engine = redisEngine(client, { heartbeat: false })
    try {
      await using sale = new FlashSale('launch', { engine: new TestClock().drive(engine) })
      await using fresh = new FlashSale('launch', { engine, deadlineMs: 60_000 })
      expect(await sale.reserve(buy('other'))).toMatchObject({ status: 'reserved' })
      const before = await digest(client)
      await server.kill()
      await server.restart()
      expect(await digest(client), `${length - begins} bytes`).toBe(before)
      const { violations, skus } = await fresh.audit()
      expect(violations).toEqual([])
      expect(skus.phone).toMatchObject({ total: 5, held: 1, confirmed: 1 })
    } finally {
      client.disconnect()
      await engine.close()
      await server.stop()
    }
  }
})
