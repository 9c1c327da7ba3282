import fc from 'fast-check'
import { test } from 'vitest'
import type { Entry } from '../../../../src/memory-engine/sale/entry.js'
import { ExpiryHeap } from '../../../../src/memory-engine/sale/expiry-heap.js'
import { operation, sameAsModel } from '../../../support/same-as-model.js'

/** Holds as the engine keeps them; `first` finds the next to expire its own way. */
abstract class Holds {
  readonly entries: Entry[] = []

  abstract first(): Entry | undefined

  /** Orders that are neither rising nor falling, each used once. */
  add(expiresAt: number): void {
    const order = (this.entries.length * 7) % 1_009
    const reservation = { state: 'held', expiresAt } as Entry['reservation']
    this.entries.push({
      reservation,
      order,
      late: false,
      earlier: null,
      refundDue: null,
      further: new Map(),
      refunds: new Map(),
      refundedParts: [],
    })
  }

  change(index: number, change: (before: Entry['reservation']) => Partial<Entry['reservation']>): void {
    const entry = this.entries[index % Math.max(1, this.entries.length)]
    if (entry) entry.reservation = { ...entry.reservation, ...change(entry.reservation) }
  }

  /** What `first` answers until all holds up to this time have expired. */
  expireUpTo(now: number): number[] {
    const expired: number[] = []
    for (let entry = this.first(); entry; entry = this.first()) {
      if (entry.reservation.expiresAt > now) break
      entry.reservation = { ...entry.reservation, state: 'expired' }
      expired.push(entry.order)
    }
    return expired
  }
}

class Real extends Holds {
  readonly #heap = new ExpiryHeap()

  override add(expiresAt: number): void {
    super.add(expiresAt)
    this.#heap.add(this.entries.at(-1)!)
  }

  first(): Entry | undefined {
    return this.#heap.first()
  }
}

class Model extends Holds {
  first(): Entry | undefined {
    return this.entries
      .filter(({ reservation }) => reservation.state === 'held')
      .sort((a, b) => a.reservation.expiresAt - b.reservation.expiresAt || a.order - b.order)[0]
  }
}

/** Few different times, so that many are equal. */
const time = fc.nat(12)
const times = fc.array(time, { maxLength: 40, size: 'max' })

test('the first hold to expire is the earliest, and of equals the one made first', () => {
  sameAsModel<Holds>(
    () => ({ real: new Real(), model: new Model() }),
    [
      times.map((each) =>
        operation(`add ${each}`, (holds) => {
          for (const at of each) holds.add(at)
        }),
      ),
      fc
        .nat(200)
        .map((i) => operation(`release ${i}`, (holds) => holds.change(i, () => ({ state: 'released' })))),
      fc
        .tuple(fc.nat(200), time)
        .map(([i, ms]) =>
          operation(`extend ${i} by ${ms}`, (holds) =>
            holds.change(i, ({ expiresAt }) => ({ expiresAt: expiresAt + ms })),
          ),
        ),
      fc.constant(operation('first', (holds) => holds.first()?.order)),
      time.map((now) => operation(`expire up to ${now}`, (holds) => holds.expireUpTo(now))),
    ],
    { calls: 40 },
  )
})
