/**
 * What does one reservation cost, next to one EVALSHA for each? `npm run bench:reserve [--
 * --quick]`
 *
 * One Node process, one Redis over TCP on loopback, 2,000 concurrent callers; rounds of both
 * alternate, ratios are taken between neighbours. Then 1,000,000 reservations: Redis memory and the
 * server's time for each. Ends with the invariants.
 */
import { performance } from 'node:perf_hooks'
import { parseArgs } from 'node:util'
import { Redis } from 'ioredis'
import { startRedis } from '../scripts/lib/servers/redis/server.js'
import { FlashSale, redisEngine } from '../src/index.js'
import { SingleEvalsha } from './peers/single-evalsha.js'

const { values: options } = parseArgs({ options: { quick: { type: 'boolean', default: false } } })
const CALLERS = 2_000
const ROUNDS = options.quick ? 3 : 7
const PER_ROUND = options.quick ? 50_000 : 200_000
const STEPS = options.quick ? [1_000, 10_000, 100_000] : [1_000, 10_000, 100_000, 1_000_000]
const SKU = 'mango-me'

/** 12 characters, as the buyers of a real shop have. */
const buyerName = (n: number) => `u${String(n).padStart(11, '0')}`
/** 24 characters, as generated keys have. */
const keyName = (n: number) => `checkout-${String(n).padStart(15, '0')}`

/**
 * Calls `once(n)` for n from `first`, `count` times, with 2,000 callers that each wait for their
 * answer.
 */
async function drive(first: number, count: number, once: (n: number) => Promise<boolean>): Promise<number> {
  let next = first
  const end = first + count
  let refused = 0
  const caller = async () => {
    while (next < end) if (!(await once(next++))) refused++
  }
  const started = performance.now()
  await Promise.all(Array.from({ length: CALLERS }, caller))
  if (refused > 0) throw new Error(`${refused} reservations were refused; none should have been`)
  return performance.now() - started
}

const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1]!
const whole = (value: number) => Math.round(value).toLocaleString('en-US')

async function info(client: Redis, section: string, field: string): Promise<number> {
  const text = await client.info(section)
  return Number(new RegExp(`^${field}:([\\d.]+)`, 'm').exec(text)?.[1])
}

/** Seconds of CPU the server's main thread has used. */
async function serverSeconds(client: Redis): Promise<number> {
  return (
    (await info(client, 'cpu', 'used_cpu_user_main_thread')) +
    (await info(client, 'cpu', 'used_cpu_sys_main_thread'))
  )
}

async function check(sale: FlashSale, units: number, sold: number): Promise<void> {
  const { ok, skus, violations } = await sale.audit()
  const counts = skus[SKU]!
  if (!ok || counts.held !== sold || counts.available !== units - sold) {
    throw new Error(`the invariants do not hold: ${JSON.stringify({ counts, sold, violations })}`)
  }
}

async function compareSpeed(client: Redis): Promise<void> {
  console.log(`${CALLERS} callers, ${ROUNDS} rounds of ${whole(PER_ROUND)} reservations each\n`)
  console.log('round   stockhold/s   one EVALSHA each/s   ratio')
  const ratios: number[] = []
  for (let round = 0; round <= ROUNDS; round++) {
    await client.flushall()
    const units = PER_ROUND
    const sale = new FlashSale(`bench-${round}`, { engine: redisEngine(client), deadlineMs: 60_000 })
    await sale.create({ stock: { [SKU]: units }, limitPerBuyer: 2 })
    const reserve = async (n: number) => {
      const request = { buyer: buyerName(n), items: [{ sku: SKU, quantity: 1 }], key: keyName(n) }
      return (await sale.reserve(request)).status === 'reserved'
    }
    const ours = await drive(0, PER_ROUND, reserve)
    await check(sale, units, PER_ROUND)
    await sale.close()

    const peer = new SingleEvalsha(client, `peer-${round}`)
    await peer.create(SKU, units)
    const theirs = await drive(0, PER_ROUND, (n) => peer.reserve(buyerName(n), keyName(n), SKU))
    if ((await peer.available(SKU)) !== 0) throw new Error('the peer oversold or undersold')

    if (round === 0) continue // warms both up
    ratios.push(theirs / ours)
    const perSecond = (ms: number) => whole((PER_ROUND / ms) * 1_000)
    console.log(
      `${String(round).padStart(5)} ${perSecond(ours).padStart(13)} ${perSecond(theirs).padStart(20)} ${(theirs / ours).toFixed(2).padStart(7)}`,
    )
  }
  const sorted = ratios.toSorted((a, b) => a - b)
  console.log(
    `\nratio: median ${median(ratios).toFixed(2)}, from ${sorted[0]!.toFixed(2)} to ${sorted.at(-1)!.toFixed(2)}   (asked: at least 3.0)\n`,
  )
}

async function measureGrowth(client: Redis): Promise<void> {
  console.log('reservations   bytes each   server µs each')
  await client.flushall()
  const units = STEPS.at(-1)!
  const sale = new FlashSale('bench-growth', { engine: redisEngine(client), deadlineMs: 60_000 })
  await sale.create({ stock: { [SKU]: units }, limitPerBuyer: 2 })
  const empty = await info(client, 'memory', 'used_memory')
  let done = 0
  for (const step of STEPS) {
    const before = await serverSeconds(client)
    await drive(done, step - done, async (n) => {
      const request = { buyer: buyerName(n), items: [{ sku: SKU, quantity: 1 }], key: keyName(n) }
      return (await sale.reserve(request)).status === 'reserved'
    })
    const microseconds = (((await serverSeconds(client)) - before) * 1e6) / (step - done)
    const bytes = ((await info(client, 'memory', 'used_memory')) - empty) / step
    console.log(
      `${whole(step).padStart(12)} ${bytes.toFixed(1).padStart(12)} ${microseconds.toFixed(2).padStart(16)}`,
    )
    done = step
  }
  await check(sale, units, units)
  await sale.close()
  console.log(
    '\n(asked: at most 150 bytes, the cost flat; keys of 24, buyers of 12 characters; all invariants hold)',
  )
}

const server = await startRedis()
const client = new Redis(server.url)
try {
  await compareSpeed(client)
  await measureGrowth(client)
} finally {
  client.disconnect()
  await server.stop()
}
