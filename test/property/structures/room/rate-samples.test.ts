import fc from 'fast-check'
import { test } from 'vitest'
import { RateSamples } from '../../../../src/memory-engine/room/rate-samples.js'
import { operation, sameAsModel } from '../../../support/same-as-model.js'

const SPAN = 5

type AnySamples = Pick<RateSamples<number>, 'older' | 'take' | 'restart'>

/** Every sample that was kept, since the last restart. */
class Model implements AnySamples {
  #kept = [{ at: 0, values: 0 }]

  get older() {
    return this.#kept.at(-2) ?? this.#kept[0]!
  }

  take(at: number, values: number): void {
    if (at >= this.#kept.at(-1)!.at + SPAN) this.#kept.push({ at, values })
  }

  restart(at: number, values: number): void {
    this.#kept = [{ at, values }]
  }
}

class Clocked {
  #now = 0
  #values = 0

  constructor(readonly samples: AnySamples) {}

  act(ms: number, action: 'take' | 'restart'): unknown {
    this.#now += ms
    this.samples[action](this.#now, ++this.#values)
    return this.samples.older
  }
}

test('the older of two samples is a whole span older than the next, and a restart forgets both', () => {
  sameAsModel<Clocked>(
    () => ({ real: new Clocked(new RateSamples(SPAN, 0, 0)), model: new Clocked(new Model()) }),
    [
      fc
        .tuple(fc.nat(SPAN + 1), fc.constantFrom('take', 'take', 'take', 'restart') as fc.Arbitrary<'take'>)
        .map(([ms, action]) => operation(`${action} after ${ms}`, (clocked) => clocked.act(ms, action))),
    ],
    { calls: 40 },
  )
})
