import { Writable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import { expect, test, vi } from 'vitest'
import { writeTogether } from '../../../src/redis-engine/one-write.js'

/** A client whose connection notes each write as one text. */
function connected() {
  const writes: string[] = []
  const stream = new Writable({
    decodeStrings: false,
    write(chunk, _, done) {
      writes.push(String(chunk))
      done()
    },
    writev(chunks, done) {
      writes.push(chunks.map(({ chunk }) => chunk).join(''))
      done()
    },
  })
  const client = { stream } as unknown as Redis
  const send = (command: string) => {
    writeTogether(client, command.length)
    client.stream.write(command)
  }
  return { client, writes, send }
}

test('commands of one turn leave in one write at its end, those of the next turn in another', async () => {
  const { writes, send } = connected()
  send('a')
  await Promise.resolve()
  send('b')
  process.nextTick(send, 'c')
  expect(writes).toEqual([])
  await turn()
  expect(writes).toEqual(['abc'])
  send('d')
  await turn()
  expect(writes).toEqual(['abc', 'd'])
})

test('a call of many items leaves at once, behind what was held back', async () => {
  const { writes, send } = connected()
  const large = 'x'.repeat(4_096)
  send(large)
  expect(writes).toEqual([large])
  send('a')
  send(large)
  expect(writes).toEqual([large, 'a', large])
  await turn()
  expect(writes).toHaveLength(3)
})

test('a command that throws after it was written holds nothing back', async () => {
  const { client, writes, send } = connected()
  const failing = async () => {
    send('a')
    throw new Error('in the same turn')
  }
  await expect(failing()).rejects.toThrow('in the same turn')
  await turn()
  expect(writes).toEqual(['a'])
  expect(client.stream.writableCorked).toBe(0)
})

test('a connection that ends in the same turn sends everything before', async () => {
  const { client, writes, send } = connected()
  send('a')
  send('b')
  client.stream.end()
  await turn()
  expect(writes).toEqual(['ab'])
  expect(client.stream.writableCorked).toBe(0)
})

test('a connection that replaces another in the same turn holds back its own commands', async () => {
  const { client, writes, send } = connected()
  const next = connected()
  const { stream } = client
  send('a')
  client.stream = next.client.stream
  send('b')
  send('c')
  stream.destroy()
  await turn()
  expect([writes, next.writes]).toEqual([[], ['bc']])
  send('d')
  await turn()
  expect(next.writes).toEqual(['bc', 'd'])
})

test('leaves alone the cork of the application, and a client without a connection', async () => {
  const { client, writes, send } = connected()
  client.stream.cork()
  send('a')
  await turn()
  expect(writes).toEqual([])
  client.stream.uncork()
  expect(writes).toEqual(['a'])
  writeTogether({} as Redis, 1)
})

test('sends while the global timers are those of a test', async () => {
  vi.useFakeTimers({ toFake: ['setImmediate', 'setTimeout'] })
  try {
    const { writes, send } = connected()
    send('a')
    await turn()
    expect(writes).toEqual(['a'])
  } finally {
    vi.useRealTimers()
  }
})
