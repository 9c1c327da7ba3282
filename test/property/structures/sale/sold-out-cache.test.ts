import fc from 'fast-check'
import { expect, test } from 'vitest'
import { SOLD_OUT_CACHE_MS, SoldOutCache } from '../../../../src/sale/sold-out-cache.js'
import { operation, sameAsModel } from '../../../support/same-as-model.js'

type Answer = Parameters<SoldOutCache['remember']>[1]
type Memory = Pick<SoldOutCache, 'forgotten' | 'remember' | 'forget' | 'recall'>

/** Every answer there ever was. */
class Model implements Memory {
  forgotten = 0
  #answers: { sku: number; answer: Answer; askedAt: number; unsold: number; asked: boolean }[] = []

  constructor(readonly now: () => number) {}

  remember(
    sku: number,
    answer: Answer,
    askedAt: number,
    forgotten = this.forgotten,
    unsold = answer.available,
  ) {
    if (forgotten === this.forgotten) this.#answers.push({ sku, answer, askedAt, unsold, asked: false })
  }

  forget(): void {
    this.forgotten++
    this.#answers = []
  }

  recall(cart: readonly (readonly [number, number])[]): Answer | undefined {
    for (const [sku, quantity] of cart) {
      // Of answers to questions of one moment the first is kept.
      // A stable sort.
      const known = this.#answers.filter((each) => each.sku === sku).sort((a, b) => b.askedAt - a.askedAt)[0]
      if (!known || known.unsold >= quantity) continue
      const age = this.now() - known.askedAt
      if (age < 0 || age > SOLD_OUT_CACHE_MS - 1) {
        this.#answers = this.#answers.filter((each) => each.sku !== sku)
        return undefined
      }
      if (age < SOLD_OUT_CACHE_MS / 2 || known.asked) return known.answer
      known.asked = true
      return undefined
    }
    return undefined
  }
}

class Clocked {
  #now = 1_000
  #answers = 0
  readonly #memory: Memory

  constructor(memory: (now: () => number) => Memory) {
    this.#memory = memory(() => this.#now)
  }

  pass(ms: number): void {
    this.#now += ms
  }

  /** The answer to a question of some ms ago, before so many changes of this process' own. */
  answer(sku: number, available: number, ago: number, changes: number, more: number | undefined): void {
    const said = { status: 'sold_out', sku: `sku ${this.#answers++}`, available, mayReturn: true } as Answer
    const { forgotten } = this.#memory
    const unsold = more === undefined ? undefined : available + more
    this.#memory.remember(sku, said, this.#now - ago, forgotten - changes, unsold)
  }

  forget(): number {
    this.#memory.forget()
    return this.#memory.forgotten
  }

  recall(cart: readonly (readonly [number, number])[]): Answer | undefined {
    return this.#memory.recall(cart)
  }
}

test('sold_out is repeated for less than 200 ms of the question, and one caller asks again from 100 ms on', () => {
  const half = SOLD_OUT_CACHE_MS / 2
  const sku = fc.nat(2)
  const cart = fc.array(fc.tuple(sku, fc.integer({ min: 1, max: 4 })), { minLength: 1, maxLength: 3 })
  sameAsModel<Clocked>(
    () => ({
      real: new Clocked((now) => new SoldOutCache(now)),
      model: new Clocked((now) => new Model(now)),
    }),
    [
      fc
        .constantFrom(-1, 1, half - 1, half)
        .map((ms) => operation(`${ms} ms`, (clocked) => clocked.pass(ms))),
      fc
        .tuple(
          sku,
          fc.nat(3),
          fc.constantFrom(0, 0, 1, half),
          fc.constantFrom(0, 0, 0, 1),
          fc.option(fc.nat(2)),
        )
        .map(([one, left, ago, changes, more]) =>
          operation(
            `${left} of ${one} left, asked ${ago} ms and ${changes} changes ago, unsold + ${more}`,
            (clocked) => clocked.answer(one, left, ago, changes, more ?? undefined),
          ),
        ),
      cart.map((lines) => operation(`recall ${JSON.stringify(lines)}`, (clocked) => clocked.recall(lines))),
      cart.map((lines) =>
        operation(`recall ${JSON.stringify(lines)} again`, (clocked) => clocked.recall(lines)),
      ),
      fc.constant(operation('forget', (clocked) => clocked.forget())),
    ],
    { runs: 150 },
  )
})

const soldOut = { status: 'sold_out', sku: 'a', available: 0, mayReturn: true } as Answer

test.each([
  ...[
    [0, true, true],
    [99, true, true],
    [100, false, true],
    [101, false, true],
  ],
  ...[
    [199, false, true],
    [200, false, false],
    [201, false, false],
    [-1, false, false],
  ],
] as const)(
  '%i ms after the question: repeated to the first caller %s, to the second %s',
  (age, first, second) => {
    const memory = new SoldOutCache(() => 1_000)
    memory.remember(0, soldOut, 1_000 - age)
    const told = [1, 2].map(() => memory.recall([[0, 1]]) === soldOut)
    expect(told).toEqual([first, second])
  },
)

test('an answer from the future is forgotten, and not repeated when its time has come', () => {
  let now = 1_000
  const memory = new SoldOutCache(() => now)
  memory.remember(0, soldOut, 1_001)
  expect(memory.recall([[0, 1]])).toBeUndefined()
  now = 1_001
  expect(memory.recall([[0, 1]])).toBeUndefined()
})
