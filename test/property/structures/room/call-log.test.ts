import fc from 'fast-check'
import { expect, test } from 'vitest'
import { CallLog } from '../../../../src/memory-engine/room/call-log.js'
import { operation, sameAsModel } from '../../../support/same-as-model.js'

type Calls = Pick<CallLog, 'note' | 'passed'>

/** Every note there ever was. */
class Model implements Calls {
  readonly #notes: { readonly at: number; readonly called: number }[] = []

  constructor(readonly claimMs: number) {}

  note(at: number, called: number): void {
    this.#notes.push({ at, called })
  }

  passed(now: number): number {
    return Math.max(
      0,
      ...this.#notes.filter(({ at }) => at + this.claimMs <= now).map(({ called }) => called),
    )
  }
}

/** A queue that moves on and is noted, on a clock that does not go back. */
class Queue {
  #time = 0
  #called = 0

  constructor(readonly calls: Calls) {}

  /** `call` more are called within one moment. */
  move(ms: number, call: number): void {
    this.#time += ms
    this.#called += call
    this.calls.note(this.#time, this.#called)
  }

  passed(ms: number): number {
    this.#time += ms
    return this.calls.passed(this.#time)
  }
}

test('a called rank is passed claimMs after it was called, not a ms sooner or later', () => {
  // A 64th of claimMs is 1 ms: every note counts.
  const CLAIM_MS = 64
  sameAsModel<Queue>(
    () => ({ real: new Queue(new CallLog(CLAIM_MS)), model: new Queue(new Model(CLAIM_MS)) }),
    [
      fc
        .tuple(fc.constantFrom(0, 1, 2, 30, 63, 64, 65), fc.nat(2))
        .map(([ms, call]) => operation(`${call} called after ${ms} ms`, (queue) => queue.move(ms, call))),
      fc
        .constantFrom(0, 1, 2, 31, 62, 63, 64)
        .map((ms) => operation(`passed after ${ms} ms`, (queue) => queue.passed(ms))),
    ],
  )
})

test('with notes every ms a rank is passed no sooner than claimMs, and at most a 64th of it later', () => {
  const CLAIM_MS = 640
  fc.assert(
    fc.property(fc.array(fc.nat(1), { minLength: 1_500, maxLength: 1_500 }), (moves) => {
      const [real, model] = [new CallLog(CLAIM_MS), new Model(CLAIM_MS)]
      let called = 0
      for (const [time, move] of moves.entries()) {
        called += move
        real.note(time, called)
        model.note(time, called)
        if (time % 50 > 1) continue
        const passed = real.passed(time)
        expect(passed).toBeLessThanOrEqual(model.passed(time))
        expect(passed).toBeGreaterThanOrEqual(model.passed(time - CLAIM_MS / 64))
      }
    }),
    { numRuns: 5 },
  )
})

test('a note exactly a 64th of claimMs behind the one before it counts, one ms less does not', () => {
  const log = new CallLog(6_400)
  log.note(1_000, 1)
  log.note(1_099, 2)
  expect(log.passed(7_499)).toBe(1)
  log.note(1_100, 3)
  log.note(1_199, 4)
  expect([log.passed(7_499), log.passed(7_500), log.passed(7_599)]).toEqual([1, 3, 3])
})

test('a note that says nothing new puts off none that does', () => {
  const log = new CallLog(6_400)
  log.note(0, 0)
  log.note(50, 5)
  log.note(150, 5)
  log.note(160, 6)
  expect([log.passed(6_449), log.passed(6_450), log.passed(6_559), log.passed(6_560)]).toEqual([0, 5, 5, 6])
})
