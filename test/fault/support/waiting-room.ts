import { expect, onTestFinished } from 'vitest'
import { joined } from '../../../scripts/lib/joined.js'
import { type RedisServer, startRedis } from '../../../scripts/lib/servers/redis/server.js'
import { type PollResult, redisEngine, WaitingRoom, type WaitingRoomOptions } from '../../../src/index.js'
import { connectTo } from '../../support/client.js'
import { SECRET } from '../../support/waiting-room.js'

export const durable = { appendonly: 'yes', appendfsync: 'always' }
/** The first enters, and nobody else for a quarter of an hour. */
const slow = { ratePerSecond: 0.001, burst: 1 }
/** However busy the machine is: what Redis can answer is answered in this time. */
const PATIENT_MS = 60_000
/** For handles that ask a Redis which is away. */
export const hasty = { deadlineMs: 500 }

/** Whatever a handle leaves to itself must not end as a rejection that nobody hears. */
function hearing(): void {
  const unheard: unknown[] = []
  const listener = (reason: unknown) => void unheard.push(reason)
  process.on('unhandledRejection', listener)
  onTestFinished(() => {
    process.off('unhandledRejection', listener)
    expect(unheard).toEqual([])
  })
}

export async function server(config: Record<string, string> = {}): Promise<RedisServer> {
  hearing()
  const redis = await startRedis({ config })
  onTestFinished(() => redis.stop())
  return redis
}

/** A handle with a client of its own, as another process has it. */
export function handle(
  redis: { host: string; port: number },
  options: Partial<WaitingRoomOptions> = {},
): WaitingRoom {
  const engine = redisEngine(connectTo(redis, { retryStrategy: () => 20 }))
  const room = new WaitingRoom('launch', {
    secret: SECRET,
    deadlineMs: PATIENT_MS,
    ...slow,
    ...options,
    engine,
  })
  onTestFinished(() => room.close())
  return room
}

export async function crowd(room: WaitingRoom, size: number): Promise<string[]> {
  const all = await Promise.all(Array.from({ length: size }, (_, i) => joined(room.join(`u${i + 1}`))))
  return all.map(({ ticket }) => ticket)
}

export function pollAll(room: WaitingRoom, tickets: readonly string[]): Promise<PollResult[]> {
  return Promise.all(tickets.map((ticket) => room.poll(ticket)))
}

export const positions = (told: readonly PollResult[]) =>
  told.map((one) => (one.status === 'waiting' ? one.position : null))

/**
 * Whether a call ends, whatever it ends with. Never how fast: only that it was not left waiting.
 */
export async function ends(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'fine',
    (error) => error.code,
  )
}

export async function back(room: WaitingRoom): Promise<void> {
  await expect.poll(() => ends(room.stats()), { interval: 50 }).toBe('fine')
}

/** Resolves once everybody is told these places: a hasty handle may have to ask again. */
export async function placed(
  room: WaitingRoom,
  tickets: readonly string[],
  expected: readonly (number | null)[],
): Promise<void> {
  await expect.poll(() => pollAll(room, tickets).then(positions, () => undefined)).toEqual(expected)
}
