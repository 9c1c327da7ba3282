import { readFile } from 'node:fs/promises'
import { Redis } from 'ioredis'
import { expect, onTestFinished, test, vi } from 'vitest'
import { joined } from '../../scripts/lib/joined.js'

import { startRedis } from '../../scripts/lib/servers/redis/server.js'

import {
  type Engine,
  FlashSale,
  type RedisEngineOptions,
  redisEngine,
  type StockholdError,
  WaitingRoom,
} from '../../src/index.js'
import { Operations } from '../../src/operations/operations.js'
import { roomPort } from '../../src/redis-engine/room/room-port.js'
import { connectTo } from '../support/client.js'
import { contentsOf } from '../support/contents.js'
import { refuse } from './support/refuse.js'
import { openTrial } from './support/trial.js'
import { verdict } from './support/verdict.js'

test('NOPERM: the right to run scripts is taken away, and given back', async () => {
  await refuse(
    'NOPERM',
    ({ admin }) => admin.call('ACL', 'SETUSER', 'default', '-eval', '-evalsha', '-fcall'),
    ({ admin }) => admin.call('ACL', 'SETUSER', 'default', '+eval', '+evalsha', '+fcall'),
  )
})

test.each(['hset', 'zadd', 'xadd', 'zrem'])(
  'NOPERM: the right to %s alone is taken away in mid-sale, and given back: nothing is half done',
  async (command) => {
    const stage = await openTrial()
    const { crowd, admin } = stage
    crowd.start()
    await crowd.hears('confirmed', 30)
    await admin.call('ACL', 'SETUSER', 'default', `-${command}`)
    await crowd.hears('UNAVAILABLE', 20)
    await admin.call('ACL', 'SETUSER', 'default', `+${command}`)
    await crowd.stop()
    await crowd.buysOnEveryHandle()
    await verdict(stage, [crowd])
  },
)

/** The line of the chapter on the Redis engine. */
async function documented(): Promise<string[]> {
  const chapter = await readFile(new URL('../../src/redis-engine/README.md', import.meta.url), 'utf8')
  const [, rights] = /^ACL SETUSER shop on >password (.*)$/m.exec(chapter) ?? []
  return rights!.split(' ')
}

let users = 0

async function stageFor() {
  const server = await startRedis({ config: { 'repl-diskless-sync-delay': '0' } })
  onTestFinished(() => server.stop())
  const admin = connectTo(server)
  // The driver tells that it may not ask for INFO.
  const warn = vi.spyOn(console, 'warn').mockReturnValue()
  onTestFinished(() => warn.mockRestore())
  const engineWith = async (rights: readonly string[], options?: RedisEngineOptions) => {
    const username = `user${++users}`
    await admin.call('ACL', 'SETUSER', username, 'on', '>password', ...rights)
    const client = new Redis(server.url, { username, password: 'password' })
    onTestFinished(() => client.disconnect())
    return redisEngine(client, options)
  }
  return { admin, engineWith }
}

/** Whatever an evening brings, with every script there is. */
async function evening(engine: Engine, name: string, partitions: number): Promise<void> {
  const sale = new FlashSale(name, { engine, deadlineMs: 60_000 })
  const room = new WaitingRoom(name, {
    ...{ engine, deadlineMs: 60_000, secret: 's'.repeat(32), ratePerSecond: 1_000, sale },
  })
  onTestFinished(async () => {
    await room.close()
    await sale.close()
  })
  await sale.create({ stock: { mango: 200, seat: 3 }, limitPerBuyer: 100, partitions })
  await room.create({ opensAt: Date.now() - 1, order: 'random' })
  const { ticket } = await joined(room.join('ann'))
  await expect.poll(() => room.poll(ticket)).toMatchObject({ status: 'admitted' })
  await room.leave((await joined(room.join('bob'))).ticket)
  await room.update({ tiers: ['members', 'public'] })
  const guest = await joined(room.join('guest'))
  await joined(room.join('guest', { tier: 'members' }))
  await room.transfer(guest.ticket, { to: 'eve' })
  await room.block('eve')
  await room.revoke('ann')
  await room.setRate(10)
  await room.pause()
  const items = [{ sku: 'mango', quantity: 1 }]
  const ids: string[] = []
  for (let i = 0; i < 90; i++) {
    const held = await sale.reserve({
      buyer: i < 30 ? 'ann' : `u-${i}`,
      items,
      key: `k${i}`,
      ...(i < 5 && { holdMs: 1 }),
    })
    if (held.status !== 'reserved') expect.fail(held.status)
    ids.push(held.reservation.id)
  }
  expect(await sale.reserve({ buyer: 'cat', items: [{ sku: 'seat', quantity: 3 }] })).toMatchObject({
    status: 'reserved',
  })
  expect(await sale.confirm(ids[0]!, { paymentId: 'late' })).toMatchObject({ late: true })
  await sale.confirm(ids[40]!, { paymentId: 'p' })
  await sale.refund(ids[40]!, { restock: true })
  for (const id of ids.slice(10, 30)) await sale.release(id)
  await sale.extend(ids[50]!, { holdMs: 700_000 })
  await sale.restock({ sku: 'mango', quantity: -1, key: 'r' })
  const seen = new Set<string>()
  const consumer = sale.consume({ group: 'g', maxAttempts: 1 }, (event) => {
    seen.add(event.type)
    if (event.type === 'refunded') throw new Error('buried')
  })
  await expect.poll(() => [...seen]).toContain('confirmed')
  await expect.poll(async () => (await consumer.stats()).dead).toBe(1)
  const letters = []
  for await (const letter of consumer.deadLetters()) letters.push(letter.event.id)
  await consumer.replay(letters)
  await consumer.close()
  await sale.consumerGroups()
  const operations = new Operations({ engine, deadlineMs: 60_000 })
  expect(await operations.pause(`sale:${name}`, { by: 'ann' })).toMatchObject({ logged: true })
  await operations.resume(`sale:${name}`, { by: 'ann' })
  expect(await operations.log()).not.toEqual([])
  await operations.close()
  await sale.removeConsumerGroup('g')
  await sale.pause()
  await sale.resume()
  await sale.recover({ from: 'accept' })
  const everywhere = { waitFor: 1, timeoutMs: 60_000 }
  expect(await sale.recover({ from: 'replay', everywhere })).toMatchObject({ processes: { resumed: true } })
  await sale.end()
  expect(await sale.audit()).toMatchObject({ ok: true })
  expect(await sale.destroy()).toMatchObject({ status: expect.stringMatching('in_use|destroyed') })
  expect(await sale.destroy({ force: true })).toEqual({ status: 'destroyed' })
  await room.destroy()
  for await (const one of engine.sales()) expect(one.id).not.toBe(name)
  for await (const one of engine.rooms()) expect(one.id).not.toBe(name)
}

test.each([1, 4])(
  'the rights that the chapter lists are enough for a whole evening (%i partitions)',
  async (partitions) => {
    const { engineWith } = await stageFor()
    await evening(await engineWith(await documented()), 'launch', partitions)
  },
)

test('each right that the chapter lists is needed, and the one that is missing is named', async () => {
  const { admin, engineWith } = await stageFor()
  const rights = await documented()
  const singles = rights.filter((right) => /^\+[a-z]/.test(right))
  expect(singles.map((right) => right.slice(1)).sort()).toEqual(['eval', 'evalsha', 'info', 'time'])
  for (const missing of [...singles, '+@read', '+@write']) {
    const left = rights.filter((right) => right !== missing)
    // A beat writes two keys without any right to read.
    const engine = await engineWith(left, { heartbeat: false })
    await admin.script('FLUSH')
    const sale = new FlashSale(`without ${missing}`, { engine, deadlineMs: 60_000 })
    onTestFinished(() => sale.close())
    const error = await sale.create({ stock: { mango: 1 } }).then(
      () =>
        sale
          .reserve({ buyer: 'u', items: [{ sku: 'mango', quantity: 1 }] })
          .catch((reason: unknown) => reason),
      (reason: unknown) => reason,
    )
    expect(error, missing).toMatchObject({ code: 'UNAVAILABLE', retryable: false })
    const name = missing.startsWith('+@') ? '[A-Z]+' : missing.slice(1).toUpperCase()
    expect((error as StockholdError).message).toMatch(new RegExp(`may not run ${name}\\b`))
  }
  expect(await admin.dbsize()).toBe(0)
})

test('a script of a room that writes more than once asks for each command it runs', () => {
  const scripts = Object.values(roomPort.compile('TIME')).filter(({ text }) => text.includes('move_on()'))
  expect(scripts).not.toEqual([])
  for (const { text } of scripts) {
    const asked = /for _, command in ipairs\(\{([^}]*)\}/.exec(text)![1]!.match(/\w+/g)
    for (const [, command] of text.matchAll(/redis\.call\('([A-Z]+)'/g)) expect(asked).toContain(command)
  }
})

/** A script has no rollback: what is refused must be refused before anything is written. */
test.each(['meta', 'stock', 'buckets', 'events', 'expiry'])(
  'a user who may not write %s writes nothing, be a call alone or one of many',
  async (part) => {
    const { admin, engineWith } = await stageFor()
    const key = (name: string) => `{stockhold:launch:0}:${name}`
    const sale = new FlashSale('launch', {
      engine: await engineWith(['~*', '&*', '+@all']),
      deadlineMs: 60_000,
    })
    onTestFinished(() => sale.close())
    await sale.create({ stock: { mango: 100 } })
    const order = (buyer: string) => ({ buyer, items: [{ sku: 'mango', quantity: 1 }] })
    const held = await Promise.all(['ann', 'bob', 'cat'].map((buyer) => sale.reserve(order(buyer))))
    const ids = held.map((one) => (one.status === 'reserved' ? one.reservation.id : expect.fail(one.status)))
    const others = ['meta', 'stock', 'buckets', 'expiry', 'events'].filter((name) => name !== part)
    const writes = ['hset', 'xadd', 'zadd']
    await admin.call(
      ...(['ACL', 'SETUSER', `user${users}`, ...writes.map((command) => `-${command}`)] as const),
      ...others.map((name) => `(${writes.map((command) => `+${command}`).join(' ')} ~${key(name)})`),
    )
    const contents = () => Promise.all([...others, part].map((name) => admin.call(...contentsOf(key(name)))))
    const before = await contents()
    const asked = [
      () => sale.reserve(order('dan')),
      () => Promise.all(['eve', 'fay'].map((buyer) => sale.reserve(order(buyer)))),
      ...(part === 'expiry'
        ? []
        : [() => sale.confirm(ids[0]!), () => Promise.all(ids.map((id) => sale.confirm(id)))]),
    ]
    for (const ask of asked) {
      await expect(ask()).rejects.toMatchObject({ code: 'UNAVAILABLE', retryable: false })
      expect(await contents()).toEqual(before)
    }
  },
)

test('any one command is taken away during the evening: it is named, or not missed, and nothing is half done', async () => {
  const { admin, engineWith } = await stageFor()
  const engine = await engineWith(await documented())
  const user = `user${users}`
  const commands = [
    ...[
      'EVAL',
      'EVALSHA',
      'TIME',
      'EXISTS',
      'HGET',
      'HMGET',
      'HGETALL',
      'HLEN',
      'HSET',
      'HDEL',
      'XADD',
      'XLEN',
    ],
    ...[
      'XREVRANGE',
      'ZADD',
      'ZCARD',
      'ZRANGE',
      'ZREM',
      'ZREMRANGEBYRANK',
      'ZREMRANGEBYSCORE',
      'ZSCORE',
      'ZCOUNT',
      'ZRANK',
      'SETBIT',
    ],
  ]
  for (const command of commands) {
    const sale = new FlashSale(command, { engine, deadlineMs: 60_000 })
    const room = new WaitingRoom(command, {
      engine,
      secret: 's'.repeat(32),
      ratePerSecond: 1_000,
      deadlineMs: 60_000,
    })
    const items = [{ sku: 'mango', quantity: 1 }]
    const reserve = (buyer: string, key: string, holdMs = 600_000) =>
      sale.reserve({ buyer, items, key, holdMs })
    await sale.create({ stock: { mango: 100 }, limitPerBuyer: 50 })
    await room.create()
    const { ticket } = await joined(room.join('waits'))
    const ids: string[] = []
    for (let i = 0; i < 24; i++) {
      const held = await reserve(i < 12 ? 'ann' : `u-${i}`, `k${i}`, i % 4 === 0 ? 1 : undefined)
      if (held.status === 'reserved') ids.push(held.reservation.id)
    }
    await admin.call('ACL', 'SETUSER', user, `-${command}`)
    await admin.script('FLUSH')
    const calls = [
      () => reserve('ann', 'new'),
      () => reserve('bob', 'new'),
      ...ids.map((id, i) => () => (i % 3 ? sale.release(id) : sale.confirm(id, { paymentId: `p${i}` }))),
      () => sale.restock({ sku: 'mango', quantity: 5, key: 'r' }),
      () => sale.refund(ids[3]!, { restock: true }),
      () => sale.pause(),
      () => sale.stats(),
      () => room.poll(ticket),
      () => room.join('comes'),
      () => room.setRate(5),
      () => room.leave(ticket),
    ]
    for (const call of calls) {
      const error = await call().then(
        () => undefined,
        (reason: unknown) => reason as StockholdError,
      )
      if (error) expect([command, error.code, error.retryable]).toEqual([command, 'UNAVAILABLE', false])
      if (error) expect(error.message, command).toMatch(new RegExp(`may not run ${command}\\b`))
    }
    await admin.call('ACL', 'SETUSER', user, `+${command}`)
    await sale.resume()
    // Whoever left the room has no place in it any more.
    for (const call of calls)
      await call().catch((error) => expect(error.code, command).toBe('TICKET_INVALID'))
    expect(await sale.audit(), command).toMatchObject({ ok: true, skus: { mango: { total: 105 } } })
    // It may take a moment until the room asks again.
    await expect.poll(() => room.stats().catch((error) => error.message)).toMatchObject({ waiting: 1 })
    await room.close()
    await sale.close()
  }
})
