import fc from 'fast-check'
import { test } from 'vitest'
import { Revocations } from '../../../../src/memory-engine/room/revocations.js'
import { operation, sameAsModel } from '../../../support/same-as-model.js'

const PASS_MS = 4

type Passes = Pick<Revocations, 'add' | 'since'>

class Model implements Passes {
  readonly #all: { readonly at: number; readonly buyer: string; readonly visitId: number }[] = []

  add(revocation: { at: number; buyer: string; visitId: number }): void {
    this.#all.push(revocation)
  }

  since(from: number, now: number) {
    const told = this.#all.filter(({ at }) => from <= at && now - at < PASS_MS)
    return told.map(({ buyer, visitId }) => ({ buyer, visitId }))
  }
}

/** With a clock that does not go back. */
class Clocked {
  #now = 10
  #count = 0

  constructor(readonly passes: Passes) {}

  revoke(wait: number): void {
    this.#now += wait
    this.passes.add({ at: this.#now, buyer: `buyer ${this.#count}`, visitId: this.#count++ })
  }

  since(from: number, wait: number) {
    this.#now += wait
    return this.passes.since(this.#now + from, this.#now)
  }
}

test('a revocation is told from its own ms on, while the pass it ended could be valid', () => {
  sameAsModel<Clocked>(
    () => ({ real: new Clocked(new Revocations(PASS_MS)), model: new Clocked(new Model()) }),
    [
      fc.nat(3).map((wait) => operation(`revoke after ${wait} ms`, (clocked) => clocked.revoke(wait))),
      fc
        .tuple(fc.integer({ min: -6, max: 1 }), fc.nat(2))
        .map(([from, wait]) =>
          operation(`since now ${from}, after ${wait}`, (clocked) => clocked.since(from, wait)),
        ),
    ],
  )
})
