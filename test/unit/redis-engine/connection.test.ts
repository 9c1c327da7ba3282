import { EventEmitter } from 'node:events'
import { expect, test, vi } from 'vitest'
import { connectionTo, type RedisClient } from '../../../src/redis-engine/connection.js'

/** A client that is connected, whose server answers a PING like this. */
function connected(pong: Promise<string>) {
  const client = Object.assign(new EventEmitter(), {
    status: 'ready',
    isCluster: false,
    stream: { writable: true },
    options: { retryStrategy: () => 1 },
    ping: () => pong,
    disconnect: vi.fn(),
  })
  const connection = connectionTo(client as unknown as RedisClient)
  const leave = () => connection.leave(client.stream, new Error('READONLY'))
  return { client, connection, leave }
}

test('a demoted master that falls silent before it was left is left all the same', async () => {
  const { client, connection, leave } = connected(new Promise(() => {}))
  leave()
  const ready = connection.ready()
  expect(ready).toBeInstanceOf(Promise)
  await expect.poll(() => client.disconnect.mock.calls).toEqual([[true]])
  client.stream = { writable: true }
  client.emit('ready')
  await ready
})

test('a demoted master is left once, when it has answered', async () => {
  vi.useFakeTimers()
  try {
    const { client, leave } = connected(Promise.resolve('PONG'))
    leave()
    // In one turn of the event loop: what other files have left in this worker sets timers as well.
    expect(vi.getTimerCount()).toBe(1)
    for (let turns = 0; turns < 10; turns++) await Promise.resolve()
    expect(vi.getTimerCount()).toBe(0)
    await vi.advanceTimersByTimeAsync(10_000)
    expect(client.disconnect.mock.calls).toEqual([[true]])
  } finally {
    vi.useRealTimers()
  }
})

test.each([
  ['ready', true],
  ['reconnecting', false],
])(
  'a node of a Cluster that refuses the login, while the Cluster is %s: asking again may help: %s',
  (status, retryable) => {
    const cluster = Object.assign(new EventEmitter(), { status, isCluster: true, options: {} })
    const connection = connectionTo(cluster as unknown as RedisClient)
    const refusal = Object.assign(new Error('WRONGPASS invalid'), { name: 'ReplyError' })
    cluster.emit('node error', refusal, '127.0.0.1:7001')
    expect(connection.lastError).toMatchObject({ code: 'UNAVAILABLE', retryable })
    expect(connection.lastError!.message).toContain('WRONGPASS')
  },
)
