import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type EngineKind, startedKinds } from '../support/engines.js'
import { Follower } from '../support/group-consumer.js'
import { NaiveTime } from '../support/naive-time.js'
import { openPort } from '../support/port-sale.js'
import { Room } from '../support/room.js'
import { seeded } from '../support/seeds.js'

interface Step {
  /** Of the clock. ms */
  readonly by: number
  /**
   * What the caller has seen lies so far beyond the time that was told; `null`: it has seen
   * nothing. ms
   */
  readonly beyond: number | null
}

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    by: fc.oneof(
      { weight: 6, arbitrary: fc.integer({ min: 0, max: 3 }) },
      { weight: 3, arbitrary: fc.integer({ min: 0, max: 400 }) },
      { weight: 3, arbitrary: fc.integer({ min: -300, max: -1 }) },
    ),
    beyond: fc.constantFrom(null, null, null, 0, 0, 0, 1, 150),
  }),
  { minLength: 1, maxLength: 40 },
)

interface Told {
  readonly now: number
  readonly clock?: number | undefined
}

interface Timed {
  now(): number
  advance(ms: number): Promise<void>
  /** A call that may write. */
  call(minTime: number): Promise<Told>
  /** It does write each time, and so keeps the time: also for callers who have seen nothing. */
  readonly keeps: boolean
}

const openers: Record<string, (kind: EngineKind) => Promise<Timed>> = {
  'a sale': async (kind) => {
    const [at] = await openPort(await kind.make())
    let key = 0
    const call = (minTime: number) =>
      at!.done('restock', [{ sku: 0, quantity: 1, key: `k${++key}`, final: true }], { minTime })
    return { now: () => at!.now(), advance: (ms) => at!.advance(ms), call, keeps: true }
  },
  'a sale in which nothing changes': async (kind) => {
    const [at] = await openPort(await kind.make())
    return {
      now: () => at!.now(),
      advance: (ms) => at!.advance(ms),
      call: (minTime) => at!.done('sweep', [{}], { minTime }),
      keeps: false,
    }
  },
  'a waiting room': async (kind) => {
    const room = await Room.open(await kind.make())
    let buyer = 0
    return {
      now: () => room.now(),
      advance: (ms) => room.advance(ms),
      call: (minTime) => room.done('join', [{ buyer: `u${++buyer}` }], { minTime }),
      keeps: true,
    }
  },
  'a group of consumers': async (kind) => {
    const [at] = await openPort(await kind.make())
    const one = new Follower(at!, 'one')
    await one.take()
    const claim = { group: 'g', consumer: 'one', leaseMs: 1_000, start: 'beginning' as const }
    return {
      now: () => at!.now(),
      advance: (ms) => at!.advance(ms),
      call: (minTime) => at!.doneGroups('claim', [claim], { minTime }),
      keeps: true,
    }
  },
}

for (const kind of startedKinds())
  for (const [name, open] of Object.entries(openers))
    test(`${kind.name} engine: the time of ${name} never runs back, and goes on at half the clock's pace until that has caught up`, async () => {
      await fc.assert(
        fc.asyncProperty(steps, async (moves) => {
          const timed = await open(kind)
          const naive = new NaiveTime(timed.now())
          let last = timed.now()
          for (const { by, beyond } of moves) {
            await timed.advance(by)
            naive.move(by)
            const minTime = beyond === null && timed.keeps ? 0 : last + (beyond ?? 0)
            naive.see(minTime)
            const told = await timed.call(minTime)
            expect(told).toMatchObject({ now: naive.now, clock: timed.now() })
            expect(told.now).toBeGreaterThanOrEqual(last)
            last = told.now
          }
        }),
        seeded(40),
      )
    })
