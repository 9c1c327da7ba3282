import { describe, expect, test } from 'vitest'
import type { StoredEvent } from '../../../src/engine/engine.js'
import type { HandoffCommand, ParkedEvent } from '../../../src/engine/handoff.js'
import { StockholdError } from '../../../src/errors.js'
import { Crew } from '../../../src/handoff/crew.js'
import type { Delivery } from '../../../src/handoff/delivery.js'
import { Follower } from '../../../src/handoff/follower.js'
import { END } from '../../../src/handoff/history-reader.js'
import type { Surroundings } from '../../../src/handoff/surroundings.js'
import { settled, TestClock } from '../../support/test-clock.js'

const SERVER = 1_000_000
const HOUR = 3_600_000

/** A follower on a clock of its own, over a partition that answers at once and notes when it was asked for what. */
function stage(settings: { leaseMs?: number; pollMs?: number } = {}) {
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
    line: 1,
    since: 0,
    epoch: 1,
    position: 0,
    parked: [] as ParkedEvent[],
    claim: 'claimed' as 'claimed' | 'busy',
    settle: 'settled' as 'settled' | 'fenced' | 'gone',
    /** In place of an answer. */
    fail: undefined as ((what: string) => unknown) | undefined,
    /** Runs before an answer. */
    before: undefined as ((what: string) => Promise<void> | undefined) | undefined,
  }
  const note = async (what: string) => {
    asked.push(`${clock.now() - 1_000} ${what}`)
    await partition.before?.(what)
    const failure = partition.fail?.(what)
    if (failure) throw failure
  }
  const source = {
    timing: clock,
    read: async (_: number, after: number) => {
      await note(`read ${after === END ? 'end' : after}`)
      const events = partition.events.filter(({ sequence }) => sequence > after)
      return { events, reservations: [], line: partition.line, since: partition.since }
    },
    sweep: async () => {
      await note('sweep')
      return null
    },
    reservation: async () => undefined,
    ask: async (_: number, command: HandoffCommand, op: Record<string, unknown>) => {
      const { position, leaseMs } = op
      await note(command === 'settle' ? `settle ${position} for ${leaseMs}` : command)
      if (command === 'claim') {
        const { claim: status, epoch, position: at, parked } = partition
        return status === 'busy' ? { status } : { status, epoch, position: at, until: 0, parked }
      }
      return { status: partition.settle, until: 0, first: 1 }
    },
    latest: () => ({ line: partition.line, sequence: partition.seen }),
    serverNow: () => SERVER + clock.now(),
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
    crew: new Crew(4, ({ event }: Delivery) => {
      handled.push(event.sequence)
      return hands.hold?.(event.sequence)
    }),
    warn: () => {},
    report: (error: unknown) => errors.push(error),
    deadLetter: () => undefined,
    relieved: () => {},
    ledChanged: () => ledChanged++,
  } as unknown as Surroundings
  const follower = new Follower(0, around)
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
    ...{ clock, partition, follower, handled, hands, errors, listeners, happen, run, leading, since },
    ledChanged: () => ledChanged,
  }
}

/** A promise that a test resolves. */
function pending() {
  let end = () => {}
  const promise = new Promise<void>((resolve) => {
    end = resolve
  })
  return { promise, end: () => end() }
}

describe('the lease', () => {
  test('is not asked for until the follower is told to, and then at once, without a timer', async () => {
    const { clock, follower, run, since, ledChanged } = stage()
    run()
    await clock.advance(HOUR)
    expect([since(), clock.timers, follower.leads]).toEqual([[], 0, false])
    follower.claim()
    await settled()
    expect(since()).toEqual([
      `${HOUR} claim`,
      `${HOUR} read end`,
      `${HOUR} sweep`,
      `${HOUR} read end`,
      `${HOUR} read 0`,
    ])
    expect([follower.leads, ledChanged()]).toEqual([true, 1])
    follower.claim()
    await settled()
    expect(since()).toEqual([])
  })

  test('is not asked for again where it was not to be had, until the next time it is told to', async () => {
    const { clock, follower, partition, run, since } = stage()
    partition.claim = 'busy'
    run()
    follower.claim()
    await clock.advance(HOUR)
    expect([since(), follower.leads]).toEqual([['0 claim'], false])
    partition.claim = 'claimed'
    follower.claim()
    await settled()
    expect([since()[0], follower.leads]).toEqual([`${HOUR} claim`, true])
  })

  test('is renewed after a third of it, again and again, with nothing else to tell', async () => {
    const { clock, leading, since } = stage({ leaseMs: 9_000 })
    await leading()
    await clock.advance(9_000)
    expect(since().filter((what) => what.includes('settle'))).toEqual([
      ...['3000 settle 0 for 9000', '6000 settle 0 for 9000', '9000 settle 0 for 9000'],
    ])
  })

  test('lets events begin up to its last ms, counted from when it was asked for', async () => {
    const { clock, follower, leading, partition } = stage({ leaseMs: 9_000 })
    await leading()
    partition.before = (what) => (what.includes('settle') ? new Promise(() => {}) : undefined)
    await clock.advance(8_999)
    expect(follower.mayBegin(clock.now())).toBe(true)
    await clock.advance(1)
    expect(follower.mayBegin(clock.now())).toBe(false)
  })

  test.each(['fenced', 'gone'] as const)('is dropped where the engine says %s', async (status) => {
    const { clock, follower, leading, partition, errors, ledChanged } = stage({ leaseMs: 9_000 })
    await leading()
    partition.settle = status
    await clock.advance(3_000)
    expect(follower.leads).toBe(status === 'gone')
    expect(ledChanged()).toBe(status === 'gone' ? 1 : 2)
    expect(errors.map((error) => (error as StockholdError).code)).toEqual(status === 'gone' ? ['CLOSED'] : [])
  })
})

describe('events', () => {
  test('that this handle sees are read within 5 ms, though polls are an hour apart, and told after 100 ms', async () => {
    const { clock, happen, handled, leading, since } = stage()
    await leading()
    await clock.advance(1_000)
    since()
    happen(2)
    await clock.advance(0)
    expect([since(), handled]).toEqual([['1000 read 0'], [1, 2]])
    happen(1)
    await clock.advance(4)
    expect(since()).toEqual([])
    await clock.advance(1)
    expect([since(), handled]).toEqual([['1005 read 2'], [1, 2, 3]])
    await clock.advance(94)
    expect(since().filter((what) => what.includes('settle'))).toEqual([])
    await clock.advance(1)
    expect(since().at(-1)).toBe(`1100 settle 3 for ${HOUR}`)
  })

  test('that nothing tells of are found by a poll, whose pauses grow up to `pollMs`', async () => {
    const { clock, happen, handled, leading, since } = stage({ pollMs: 60 })
    await leading()
    await clock.advance(300)
    expect(since()).toEqual([30, 75, 135, 195, 255].map((ms) => `${ms} read 0`))
    happen(1, false)
    await clock.advance(20)
    expect([handled, since()]).toEqual([[1], ['315 read 0']])
  })

  test('are not read while the follower does not lead', async () => {
    const { clock, happen, run, since } = stage()
    run()
    happen(3)
    await clock.advance(HOUR)
    expect(since()).toEqual([])
  })

  test('whose handler ends later are told 100 ms after that, without a poll', async () => {
    const { clock, happen, hands, leading, since } = stage()
    await leading()
    const held = pending()
    hands.hold = () => held.promise
    happen(1)
    await clock.advance(500)
    since()
    held.end()
    await clock.advance(99)
    expect(since()).toEqual([])
    await clock.advance(1)
    expect(since().at(-1)).toBe(`600 settle 1 for ${HOUR}`)
  })
})

describe('while the engine is away', () => {
  const away = new StockholdError('UNAVAILABLE', 'away')

  test('it is tried again after 75, 150, 300 ms and so on, whatever happens meanwhile, and then as before', async () => {
    const { clock, follower, happen, partition, errors, leading, since, handled } = stage()
    await leading()
    partition.fail = () => away
    happen(1)
    await clock.advance(10)
    expect(since()).toEqual(['5 read 0'])
    happen(1)
    follower.refresh()
    follower.relieve()
    await clock.advance(69)
    expect(since()).toEqual([])
    await clock.advance(1)
    expect(since()).toEqual(['80 claim'])
    await clock.advance(150)
    expect(since()).toEqual(['230 claim'])
    partition.fail = undefined
    await clock.advance(300)
    expect(since().slice(0, 2)).toEqual(['530 claim', '530 read 0'])
    expect([handled, errors]).toEqual([
      [1, 2],
      [away, away, away],
    ])
  })

  test('what was not heard is told again', async () => {
    const { clock, happen, partition, leading, since } = stage()
    await leading()
    happen(1)
    await clock.advance(50)
    since()
    partition.fail = (what) => (what.includes('settle') ? away : undefined)
    await clock.advance(55)
    expect(since().at(-1)).toBe(`105 settle 1 for ${HOUR}`)
    partition.fail = undefined
    await clock.advance(75)
    expect(since()).toContain(`180 settle 1 for ${HOUR}`)
    await clock.advance(10_000)
    expect(since().filter((what) => what.includes('settle'))).toEqual([])
  })

  test.each(['ROLLBACK_DETECTED', 'STATE_LOST'] as const)(
    'after %s it begins again with what the engine knows',
    async (code) => {
      const { clock, follower, happen, partition, leading, since, handled } = stage()
      await leading()
      happen(2)
      await clock.advance(200)
      since()
      partition.fail = (what) => (what.startsWith('read') ? new StockholdError(code, 'lost') : undefined)
      happen(1)
      await clock.advance(5)
      expect(follower.leads).toBe(false)
      partition.fail = undefined
      Object.assign(partition, { line: 2, position: 1 })
      await clock.advance(200)
      expect([follower.leads, handled]).toEqual([true, [1, 2, 2, 3]])
    },
  )
})

describe('the end', () => {
  test('leaving waits for handlers, tells what they did and gives the lease up, and the follower can lead again', async () => {
    const { clock, follower, happen, hands, leading, since, run: _ } = stage()
    const over = await leading()
    const held = pending()
    hands.hold = () => held.promise
    happen(2)
    await clock.advance(200)
    since()
    follower.leave(1_000)
    await clock.advance(500)
    expect([follower.leads, follower.leaving, follower.mayBegin(clock.now()), since()]).toEqual([
      true,
      true,
      false,
      [],
    ])
    held.end()
    await settled()
    expect([follower.leads, follower.leaving, since()]).toEqual([false, false, ['700 settle 2 for 0']])
    expect([over.yet, clock.timers]).toEqual([false, 0])
    follower.claim()
    await settled()
    expect(follower.leads).toBe(true)
  })

  test('leaving waits no longer than it was told, and the shortest time it was told counts', async () => {
    const { clock, follower, happen, hands, leading, since } = stage()
    await leading()
    hands.hold = () => new Promise(() => {})
    happen(1)
    await clock.advance(200)
    since()
    follower.leave(1_000)
    follower.leave(300)
    follower.leave(2_000)
    await clock.advance(299)
    expect(follower.leads).toBe(true)
    await clock.advance(1)
    expect([follower.leads, since()]).toEqual([false, ['500 settle 0 for 0']])
  })

  test('a lease that is given up though the engine did not hear it is no longer acted on', async () => {
    const { clock, follower, leading, partition, errors } = stage()
    await leading()
    partition.fail = () => new StockholdError('UNAVAILABLE', 'away')
    follower.leave(1_000)
    await settled()
    expect([follower.leads, errors.length]).toEqual([false, 1])
    await clock.advance(HOUR)
    expect(clock.timers).toBe(0)
  })

  test('a follower that retires gives its lease up and ends; nothing listens, no timer is set', async () => {
    const { clock, follower, listeners, leading, since } = stage()
    const over = await leading()
    expect(listeners.size).toBe(1)
    follower.retire(1_000)
    await settled()
    expect([over.yet, listeners.size, clock.timers, since()]).toEqual([true, 0, 0, ['0 settle 0 for 0']])
    follower.claim()
    await clock.advance(HOUR)
    expect(since()).toEqual([])
  })

  test('a follower without a lease retires at once', async () => {
    const { clock, follower, listeners, run, since } = stage()
    const over = run()
    await settled()
    follower.retire(1_000)
    await settled()
    expect([over.yet, listeners.size, clock.timers, since()]).toEqual([true, 0, 0, []])
  })

  test('a follower that is stopped ends at once, tells nothing, and lets nothing begin', async () => {
    const { clock, follower, listeners, leading, since, ledChanged } = stage()
    const over = await leading()
    follower.stop()
    expect(follower.mayBegin(clock.now())).toBe(false)
    await settled()
    expect([over.yet, listeners.size, clock.timers, since(), follower.leads]).toEqual([true, 0, 0, [], false])
    expect(ledChanged()).toBe(2)
  })
})

describe('what others do to the group', () => {
  const parkedAt = (sequence: number, retryAt: number | null): ParkedEvent => ({
    ...{ event: { sequence, at: 0, type: 'released', id: `r${sequence}` } as StoredEvent },
    ...{ attempts: 1, retryAt, error: 'no' },
  })
  const state = (rest: object) => ({
    group: 'g',
    position: 0,
    consumer: 'me',
    until: 0,
    parked: 0,
    dead: 0,
    ...rest,
  })

  test('events that were revived are looked for when the engine says there are more parked', async () => {
    const { clock, follower, partition, leading, since, handled } = stage()
    partition.position = 9
    await leading()
    follower.observe(state({ parked: 0 }))
    await settled()
    expect(since()).toEqual([])
    partition.parked = [parkedAt(4, 0)]
    follower.observe(state({ parked: 1 }))
    await settled()
    expect([since()[0], handled]).toEqual(['0 claim', [4]])
    await clock.advance(1)
  })

  test('a parked event is tried again when its time has come on the server, not a ms sooner', async () => {
    const { clock, partition, leading, handled } = stage()
    partition.position = 9
    partition.parked = [parkedAt(4, SERVER + 1_000 + 250)]
    await leading()
    await clock.advance(249)
    expect(handled).toEqual([])
    await clock.advance(1)
    expect(handled).toEqual([4])
  })

  test('a refresh asks for the lease again where it is led, and nothing where it is not', async () => {
    const { follower, leading, run, since } = stage()
    run()
    follower.refresh()
    await settled()
    expect(since()).toEqual([])
    const other = stage()
    await other.leading()
    other.follower.refresh()
    await settled()
    expect(other.since()).toEqual(['0 claim'])
    void leading
  })

  test('a lease of another epoch is another lease: what was in hand is dropped, and read again', async () => {
    const { clock, follower, happen, hands, partition, leading, handled } = stage()
    await leading()
    hands.hold = () => new Promise(() => {})
    happen(1)
    await clock.advance(200)
    partition.epoch = 2
    follower.refresh()
    await clock.advance(10)
    expect([follower.leads, follower.backlog?.running, handled]).toEqual([true, 0, [1]])
  })

  test('room that others make is used without a poll', async () => {
    const { clock, follower, happen, partition, leading, since, handled } = stage()
    partition.position = 9
    partition.parked = [parkedAt(1, SERVER * 9), parkedAt(2, SERVER * 9)]
    await leading()
    for (let i = 0; i < 10; i++) happen(1, false)
    happen(0)
    await clock.advance(1_000)
    expect([since(), handled]).toEqual([[], []])
    follower.observe(state({ parked: 2, dead: 0 }))
    await settled()
    expect(since()).toEqual([])
    void follower
  })
})
