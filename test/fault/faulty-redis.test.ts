import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { startRedis } from '../../scripts/lib/servers/redis/server.js'
import { type FaultyRedis, faultyRedis } from '../../src/testing.js'
import { OwnRedis } from '../support/own-redis.js'

const redis = new OwnRedis()
let proxy: FaultyRedis
beforeEach(async () => {
  proxy = await faultyRedis(redis.url, { seed: 1 })
  onTestFinished(() => proxy.close())
  await redis.client.flushall()
})

/** A client that neither resends nor waits: each fault shows. */
function open(): Redis {
  const client = new Redis(proxy.url, {
    ...{ maxRetriesPerRequest: 0, autoResendUnfulfilledCommands: false, enableOfflineQueue: true },
    retryStrategy: () => 10,
  })
  client.on('error', () => {})
  onTestFinished(() => client.disconnect())
  return client
}

const script = (client: Redis, key = 'n') => client.eval("return redis.call('INCR', KEYS[1])", 1, key)
const outcome = (call: Promise<unknown>) => call.then(String, () => 'failed')
const whatever = (call: Promise<unknown>, ms = 100) =>
  Promise.race([outcome(call), delay(ms).then(() => 'nothing')])

test('without a fault it is not noticed: large and binary values, pipelines, transactions', async () => {
  const client = open()
  const value = Buffer.from(Array.from({ length: 300_000 }, (_, i) => i % 256))
  await client.set('v', value)
  expect((await client.getBuffer('v'))?.equals(value)).toBe(true)
  const many = await Promise.all(Array.from({ length: 2_000 }, () => script(client)))
  expect(many).toEqual(Array.from({ length: 2_000 }, (_, i) => i + 1))
  expect(await client.multi().incr('n').get('none').exec()).toEqual([
    [null, 2_001],
    [null, null],
  ])
  expect(await client.eval("return {1, {2, false, 'x\\r\\ny'}, {}}", 0)).toEqual([1, [2, null, 'x\r\ny'], []])
  await expect(client.eval("return redis.error_reply('NO way')", 0)).rejects.toThrow('NO way')
  expect(proxy.connections).toBe(1)
})

test('a request that is dropped is not executed, its reply is lost after it was; only scripts, only so often', async () => {
  const client = open()
  const requests = proxy.dropRequests({ times: 1 })
  expect(await client.incr('n')).toBe(1)
  expect(await outcome(script(client))).toBe('failed')
  expect(await outcome(script(client))).toBe('2')
  expect(requests.hits).toBe(1)
  const replies = proxy.dropReplies({ times: 2 })
  expect(await outcome(script(client))).toBe('failed')
  expect(await outcome(script(client))).toBe('failed')
  expect(await outcome(script(client))).toBe('5')
  expect(replies.hits).toBe(2)
})

test('a dropped message takes with it what comes behind it, and nothing of what came before', async () => {
  const client = open()
  await client.ping()
  proxy.dropReplies({ times: 1 })
  const told = await Promise.all([client.incr('n'), script(client), client.incr('n')].map(outcome))
  expect(told).toEqual(['1', 'failed', 'failed'])
  expect(await redis.client.get('n')).toBe('3')
})

test('silence: the connection stays open, and nothing comes through any more', async () => {
  const client = open()
  await client.ping()
  proxy.dropReplies({ times: 1, connection: 'silent' })
  expect(await whatever(script(client))).toBe('nothing')
  expect(await whatever(client.incr('n'))).toBe('nothing')
  await expect.poll(() => redis.client.get('n')).toBe('2')
  expect(proxy.connections).toBe(1)
  await proxy.heal()
  const ended = new Promise((resolve) => client.once('close', resolve))
  expect(proxy.cutConnections()).toBe(1)
  await ended
  expect(await outcome(client.incr('n'))).toBe('3')
})

test('a reply is cut where it is told, never at its end', async () => {
  for (const [bytes, arrived] of [
    [0, ''],
    [1, '$'],
    [6, '$2\r\nxy'],
    [999, '$2\r\nxy\r'],
  ] as const) {
    proxy.cutReplies({ bytes, times: 1 })
    expect(await talk('EVAL "return \'xy\'" 0\r\n')).toBe(arrived)
  }
})

/**
 * Sends a line over a bare socket, and answers what comes until the end, or until so many bytes
 * have come.
 */
async function talk(
  line: string,
  most?: number,
  onData: (bytes: Buffer) => void = () => {},
): Promise<string> {
  const socket = connect(proxy.port, proxy.host)
  let text = ''
  socket.on('error', () => {})
  socket.on('data', (bytes) => {
    text += bytes
    onData(bytes)
  })
  // As an array: only in that form the proxy looks for scripts.
  const [, command, argument, count] = /^(\S+) "(.*)" (\d)\r\n$/.exec(line)!
  const words = [command!, argument!, count!].map((word) => `$${word.length}\r\n${word}\r\n`)
  socket.write(`*3\r\n${words.join('')}`)
  await new Promise<void>((resolve) => {
    socket.once('close', () => resolve())
    if (most !== undefined) socket.on('data', () => text.length >= most && resolve())
  })
  socket.destroy()
  return text
}

test('one byte at a time', async () => {
  proxy.trickle()
  const chunks: number[] = []
  const whole = '$5\r\nhello\r\n'
  const note = (bytes: Buffer) => chunks.push(bytes.length)
  expect(await talk('EVAL "return \'hello\'" 0\r\n', whole.length, note)).toBe(whole)
  expect(chunks.length).toBeGreaterThan(2)
})

test('a delay is kept, and the order of what is delayed too', async () => {
  const client = open()
  await client.ping()
  const fault = proxy.delay({ ms: 60, jitterMs: 40, direction: 'replies' })
  const order: string[] = []
  const begun = performance.now()
  await Promise.all(Array.from({ length: 5 }, (_, i) => script(client).then((n) => order.push(`${i} ${n}`))))
  expect(performance.now() - begun).toBeGreaterThan(58)
  expect(order).toEqual(['0 1', '1 2', '2 3', '3 4', '4 5'])
  expect(fault.hits).toBe(5)
})

describe('a black hole', () => {
  test('for requests: they arrive when it is lifted, even if the client has gone', async () => {
    const client = open()
    await client.ping()
    const fault = proxy.blackHole('requests')
    expect(await whatever(client.incr('n'))).toBe('nothing')
    client.disconnect()
    expect(await redis.client.get('n')).toBeNull()
    await fault.lift()
    await expect.poll(() => redis.client.get('n')).toBe('1')
    await expect.poll(() => proxy.connections).toBe(0)
  })

  test('for replies: Redis has executed calls that were never answered', async () => {
    const client = open()
    await client.ping()
    const fault = proxy.blackHole('replies')
    const call = client.incr('n')
    expect(await whatever(call)).toBe('nothing')
    await expect.poll(() => redis.client.get('n')).toBe('1')
    await fault.lift()
    expect(await call).toBe(1)
  })
})

test('connections are cut; refused; and accepted again', async () => {
  const client = open()
  await client.ping()
  const fault = proxy.refuseConnections()
  expect(await outcome(client.incr('n'))).toBe('1')
  const ended = new Promise((resolve) => client.once('close', resolve))
  expect(proxy.cutConnections()).toBe(1)
  await ended
  expect(await outcome(client.incr('n'))).toBe('failed')
  const another = proxy.refuseConnections()
  await fault.lift()
  expect(await outcome(client.incr('n'))).toBe('failed')
  await another.lift()
  await expect.poll(() => outcome(client.incr('n'))).toBe('2')
})

test('a Redis that is away or goes away: so is the proxy', async () => {
  const other = await startRedis()
  onTestFinished(() => other.stop())
  const before = await faultyRedis(other.url)
  onTestFinished(() => before.close())
  const client = new Redis(before.url, { retryStrategy: () => 10, maxRetriesPerRequest: 0 })
  client.on('error', () => {})
  onTestFinished(() => client.disconnect())
  expect(await client.incr('n')).toBe(1)
  const ended = new Promise((resolve) => client.once('close', resolve))
  await other.kill()
  await ended
  expect(await outcome(client.incr('n'))).toBe('failed')
  await other.restart()
  await expect.poll(() => outcome(client.incr('n'))).toBe('1')
})

test('a seed repeats what is random', async () => {
  const told = async (seed: number) => {
    await using same = await faultyRedis(redis.url, { seed })
    const fault = same.dropRequests({ chance: 0.5, commands: 'all' })
    const results: boolean[] = []
    for (let i = 0; i < 24; i++) {
      const socket = connect(same.port, same.host).on('error', () => {})
      socket.write('PING\r\n')
      const answered = new Promise((resolve) => socket.once('data', () => resolve(true)))
      const ended = new Promise((resolve) => socket.once('close', () => resolve(false)))
      results.push((await Promise.race([answered, ended])) as boolean)
      socket.destroy()
    }
    expect(fault.hits).toBe(results.filter((answered) => !answered).length)
    return results.join()
  }
  const first = await told(5)
  expect(await told(5)).toBe(first)
  expect(await told(6)).not.toBe(first)
})
