import { Redis } from 'ioredis'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type RedisServer, startRedis } from '../../scripts/redis/server.js'
import type { Answer, Command, Engine, Op, Reply, Settled } from '../../src/engine/engine.js'
import { memoryEngine, redisEngine } from '../../src/index.js'
import { checkNoOversell } from '../../src/testing.js'

let server: RedisServer
let client: Redis

beforeAll(async () => {
  server = await startRedis()
  client = new Redis(server.url)
})
afterAll(async () => {
  client.disconnect()
  await server.stop()
})

test('the memory engine passes', async () => {
  const report = await checkNoOversell(() => memoryEngine(), { runs: 50, seed: 7 })
  expect(report).toMatchObject({ runs: 50, seed: 7 })
  expect(report.commands).toBeGreaterThan(500)
})

test('the Redis engine passes', async () => {
  const report = await checkNoOversell(() => redisEngine(client), { runs: 50 })
  expect(report.runs).toBe(50)
})

/** The memory engine with its answers tampered with. */
function tampered(
  change: <C extends Command>(command: C, op: Op<C>, answer: Answer<C>) => Answer<C>,
): Engine {
  const engine = memoryEngine()
  return {
    elapsed: engine.elapsed,
    close: () => engine.close(),
    room: (name) => engine.room(name),
    partition(sale, index) {
      const partition = engine.partition(sale, index)
      return {
        ready: () => partition.ready(),
        async run(command, ops, call) {
          const reply = await partition.run(command, ops, call)
          if (reply.outcome !== 'done') return reply
          const answers = reply.answers.map((answer, i) => change(command, ops[i]!, answer))
          return { ...reply, answers } as Reply<typeof command>
        },
      }
    },
  }
}

test('an engine that sells what it has not is caught', async () => {
  // What a decrement does that was decided on a value read before: everybody who read a 1 gets one.
  const careless = tampered((command, op, answer) => {
    if (command !== 'reserve' || (answer as Settled<'reserve'>).status !== 'sold_out') return answer
    const { id, buyer, cart, key, holdMs } = op as Op<'reserve'>
    const now = Date.now()
    const held = {
      id,
      buyer,
      cart,
      key,
      state: 'held',
      createdAt: now,
      expiresAt: now + holdMs,
      paymentId: null,
    }
    return { status: 'reserved', reservation: held, replayed: false } as typeof answer
  })
  await expect(checkNoOversell(() => careless, { runs: 50, seed: 1 })).rejects.toThrow(
    /units are promised.*Seed 1/s,
  )
})

test('an engine that loses units is caught', async () => {
  const leaking = tampered((command, _, answer) => {
    if (command !== 'stats' || !('skus' in answer)) return answer
    const skus = answer.skus.map((counts) => ({ ...counts, available: Math.max(0, counts.available - 1) }))
    return { ...answer, skus } as typeof answer
  })
  await expect(checkNoOversell(() => leaking, { runs: 20, seed: 1 })).rejects.toThrow(/do not add up/)
})

test('bad arguments are refused', async () => {
  const code = 'INVALID_ARGUMENT'
  await expect(checkNoOversell(undefined as never)).rejects.toMatchObject({ code })
  await expect(checkNoOversell(() => memoryEngine(), { runs: 0 })).rejects.toMatchObject({ code })
  await expect(checkNoOversell(() => memoryEngine(), { seed: 0.5 })).rejects.toMatchObject({ code })
})
