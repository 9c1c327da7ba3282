import { expect } from 'vitest'
import type { ConsumerContext } from '../../src/consumer/consumer-context.js'
import type { Delivery } from '../../src/consumer/delivery.js'
import { END } from '../../src/consumer/history-reader.js'
import { PartitionConsumer } from '../../src/consumer/partition-consumer.js'
import { WorkerPool } from '../../src/consumer/worker-pool.js'
import type { StoredEvent } from '../../src/engine/engine.js'
import type { GroupCommand, GroupState, ParkedEvent } from '../../src/engine/groups.js'
import { settled, TestClock } from './test-clock.js'

/** The server's clock is ahead of this one by so many ms. */
export const SERVER = 1_000_000
export const HOUR = 3_600_000
const PARTITION = 3

/**
 * A follower on a clock of its own, over a partition that answers at once and notes when it was
 * asked for what.
 */
export function followerStage(settings: Partial<ConsumerContext['settings']> = {}) {
  const clock = new TestClock(1_000)
  // The lower half of what is drawn at random is left out.
  clock.luck = 0.5
  const asked: string[] = []
  const errors: unknown[] = []
  const listeners = new Set<() => void>()
  const partition = {
    events: [] as StoredEvent[],
    /** What this handle has seen of it. */
    seen: 0,
    generation: 1,
    since: 0,
    epoch: 1,
    position: 0,
    parked: [] as ParkedEvent[],
    claim: 'claimed' as 'claimed' | 'busy',
    settle: 'acknowledged' as 'acknowledged' | 'fenced' | 'gone',
    /** In place of an answer. */
    fail: undefined as ((what: string) => unknown) | undefined,
    /** Runs before an answer. */
    before: undefined as ((what: string) => Promise<void> | undefined) | undefined,
  }
  const parked: (readonly ParkedEvent[])[] = []
  const note = async (what: string, of: number) => {
    expect(of).toBe(PARTITION)
    asked.push(`${clock.now() - 1_000} ${what}`)
    await partition.before?.(what)
    const failure = partition.fail?.(what)
    if (failure) throw failure
  }
  const source = {
    clock,
    read: async (of: number, after: number) => {
      await note(`read ${after === END ? 'end' : after}`, of)
      const events = partition.events.filter(({ sequence }) => sequence > after)
      return { events, reservations: [], generation: partition.generation, since: partition.since }
    },
    sweep: async (of: number) => {
      await note('sweep', of)
      return null
    },
    reservation: async (_: number, id: string) => {
      const failure = partition.fail?.(`reservation ${id}`)
      if (failure) throw failure
      return undefined
    },
    ask: async (of: number, command: GroupCommand, op: Record<string, unknown>) => {
      const { position, leaseMs } = op
      await note(command === 'acknowledge' ? `acknowledge ${position} for ${leaseMs}` : command, of)
      if (command === 'acknowledge') parked.push(op.park as readonly ParkedEvent[])
      if (command === 'claim') {
        const { claim: status, epoch, position: at, parked } = partition
        return status === 'busy' ? { status } : { status, epoch, position: at, until: 0, parked }
      }
      return { status: partition.settle, until: 0, first: 1 }
    },
    latest: () => ({ generation: partition.generation, sequence: partition.seen }),
    serverTime: () => SERVER + clock.now(),
    onChange: (_: number, listener: () => void) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
  const handled: number[] = []
  /** What a handler does: waits for the promise that this returns. */
  const hands = { hold: undefined as ((sequence: number) => Promise<void> | undefined) | undefined }
  let ledChanged = 0
  const around = {
    source,
    settings: {
      ...{ group: 'g', leaseMs: HOUR, pollMs: HOUR, maxParked: 2, maxAttempts: 3, retryDelayMs: 10 },
      ...{ maxRetryDelayMs: 100, maxStreamLength: 1_000, ...settings },
    },
    start: 'beginning',
    consumer: 'me',
    maxHoldMs: 60_000,
    load: { events: 0, starved: false },
    counts: { handled: 0, failed: 0, retried: 0, lost: 0 },
    workers: new WorkerPool(4, ({ event }: Delivery) => {
      handled.push(event.sequence)
      return hands.hold?.(event.sequence)
    }),
    warn: () => {},
    report: (error: unknown) => errors.push(error),
    deadLetter: () => undefined,
    leaseReleased: () => {},
    leadershipChanged: () => ledChanged++,
  } as unknown as ConsumerContext
  const follower = new PartitionConsumer(PARTITION, around)
  /** The partition goes on by so many events; this handle sees it, or does not. */
  const happen = (count: number, isSeen = true) => {
    for (let i = 0; i < count; i++) {
      const sequence = partition.events.length + 1
      partition.events.push({ sequence, at: 0, type: 'released', id: `r${sequence}` } as StoredEvent)
    }
    if (!isSeen) return
    partition.seen = partition.events.length
    for (const listener of listeners) listener()
  }
  const run = () => {
    const over = { yet: false }
    void follower.run().then(() => {
      over.yet = true
    })
    return over
  }
  const leading = async () => {
    const over = run()
    follower.claim()
    await settled()
    asked.length = 0
    return over
  }
  const since = () => asked.splice(0)
  return {
    ...{
      clock,
      around,
      parked,
      partition,
      follower,
      handled,
      hands,
      errors,
      listeners,
      happen,
      run,
      leading,
      since,
    },
    ledChanged: () => ledChanged,
  }
}

/** A promise that a test resolves. */
export function pending() {
  let end = () => {}
  const promise = new Promise<void>((resolve) => {
    end = resolve
  })
  return { promise, end: () => end() }
}

/** A parked event, to be tried again at `retryAt`, by the clock of the server. */
export function parkedAt(sequence: number, retryAt: number | null): ParkedEvent {
  const event = { sequence, at: 0, type: 'released', id: `r${sequence}` } as StoredEvent
  return { event, attempts: 1, retryAt, error: 'no' }
}

/** What the engine says of the group, of a partition that this consumer leads. */
export function groupState(rest: Partial<GroupState>): GroupState {
  return { group: 'g', position: 0, consumer: 'me', until: 0, parked: 0, dead: 0, ...rest }
}
