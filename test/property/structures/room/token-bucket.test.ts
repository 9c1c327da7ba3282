import fc from 'fast-check'
import { test } from 'vitest'
import { TokenBucket } from '../../../../src/memory-engine/room/token-bucket.js'
import { operation, sameAsModel } from '../../../support/same-as-model.js'

const TOKEN = 1_000_000
type Tokens = Pick<TokenBucket, 'pace' | 'tokens' | 'filled' | 'gain' | 'take' | 'giveBack' | 'setPace'>

/** Gains one ms after another. */
class Model implements Tokens {
  tokens: number

  constructor(public pace: { rate: number; burst: number }) {
    this.tokens = pace.burst * TOKEN
  }

  get filled(): boolean {
    return this.tokens >= TOKEN
  }

  gain(elapsed: number): void {
    for (let ms = 0; ms < elapsed; ms++) this.#add(this.pace.rate)
  }

  take(): void {
    this.tokens -= TOKEN
  }

  giveBack(): void {
    this.#add(TOKEN)
  }

  setPace(pace: { rate: number; burst: number }): void {
    this.pace = pace
    this.#add(0)
  }

  #add(millionths: number): void {
    this.tokens = Math.min(this.tokens + millionths, this.pace.burst * TOKEN)
  }
}

/** At 200,000 per 1,000 s a token takes 5 ms: whole tokens, and one ms less or more, come often. */
const pace = fc.record({
  rate: fc.constantFrom(0, 1, 200_000, 333_333),
  burst: fc.integer({ min: 1, max: 3 }),
})

test('a token bucket gains what each ms brings, holds its burst, and is filled from exactly one token on', () => {
  sameAsModel<Tokens>(() => {
    const begun = { rate: 200_000, burst: 2 }
    return { real: new TokenBucket(begun), model: new Model(begun) }
  }, [
    fc.nat(16).map((ms) => operation(`gain ${ms}`, (bucket) => bucket.gain(ms))),
    fc.constant(operation('take', (bucket) => bucket.filled && bucket.take())),
    fc.constant(operation('give back', (bucket) => bucket.giveBack())),
    pace.map((each) => operation(`pace ${JSON.stringify(each)}`, (bucket) => bucket.setPace(each))),
    fc.constant(operation('pace, tokens and filled', ({ pace, tokens, filled }) => [pace, tokens, filled])),
  ])
})
