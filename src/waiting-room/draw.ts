import { hash, randomBytes } from 'node:crypto'
import { checkInteger } from '../validation.js'

/**
 * The draw: a shuffle of the numbers 1 to `count` that follows from a seed, that can be asked for
 * one number without working out the others, and that anybody can check afterwards in any language.
 * It is a generalised Feistel network with cycle walking (Black and Rogaway, "Ciphers with
 * Arbitrary Finite Domains", 2002).
 *
 * Before the draw `commitment = sha256(seed)` is published, afterwards the seed. To recompute the
 * rank of `number`:
 *
 * 1. `a = max(4, ceil(sqrt(count)))` and `b = max(4, ceil(count / a))`. Start with
 *    `m = number - 1`.
 * 2. `left = m mod a`, `right = floor(m / a)`.
 * 3. For `round` from 1 to 10: `next = (left + F(round, right)) mod (a in odd rounds, b in even
 *    ones)`, then `left = right` and `right = next`.
 * 4. `m = left + a * right`. While `m >= count`, go on at 2 with this `m`.
 * 5. The rank is `m + 1`.
 *
 * `F(round, half)` is the first 12 hex digits, read as a number, of the SHA-256 of the text
 * `seed:count:round:half`, the numbers in decimal. The seed is a text everywhere: its characters
 * are hashed (UTF-8), not the bytes that it spells in hex.
 *
 * An example: the seed `00` written 32 times, so 64 characters.
 * Its commitment is `60e05bd1b195af2f94112fa7197a5c88289058840ce7c6df9693756bc6250f55`, and `printf
 * %s "$seed" | sha256sum` says the same. With `count = 10`, `a = 4` and `b =
 * 4`. The number 1 starts as `left = 0` and `right = 0`; `F(1, 0) =
 * 80402978644790`, so round 1 leaves `left = 0` and `right = 2`; `F(2, 2) = 150316677010324`, so
 * round 2 leaves 2 and 0, and round 10 leaves 2 and 3. That is `m = 14`: on to 11, 12, 13, and then
 * 0. The ranks of 1 to 10 are 1, 6, 2, 9, 4, 8, 3, 10, 5, 7.
 *
 * What it proves: the order was fixed by the seed and the count, and nobody was moved. Whoever
 * knows the seed can foresee the order, so it has to stay with the engine until the draw.
 */

// With fewer rounds or narrower halves some orders of a handful of numbers are measurably likelier
// than others.
const ROUNDS = 10
const NARROWEST = 4
/** The halves stay below 10^6, and every sum far below 2^53. */
const MAX_COUNT = 1_000_000_000_000

type RoundFunction = (round: number, half: number) => number

/** A new seed, 64 hex digits: as many as nobody can guess or try. */
export function newSeed(): string {
  return randomBytes(32).toString('hex')
}

/** What is published before the draw. */
export function seedCommitment(seed: string): string {
  return hash('sha256', seed, 'hex')
}

/** Where `number` stands among 1 to `count`. For one number; for many see {@link shuffler}. */
export function shuffledRank(seed: string, count: number, number: number): number {
  return walk(checkInteger(count, 'count', 1, MAX_COUNT), number, (round, half) =>
    roundValue(seed, count, round, half),
  )
}

/**
 * `shuffledRank` of one draw, for many numbers. There are only some `10 * sqrt(count)` different
 * values of F, 10,000 for a million numbers: kept once worked out, they leave nothing but a few
 * additions for each number.
 */
export function shuffler(seed: string, count: number): (number: number) => number {
  const [a, b] = sides(checkInteger(count, 'count', 1, MAX_COUNT))
  // One more than F mod the side, so that 0 says: not known yet.
  const known = Array.from({ length: ROUNDS + 1 }, (_, round) => new Uint32Array(round % 2 === 1 ? b : a))
  const value: RoundFunction = (round, half) => {
    const values = known[round]!
    if (values[half] === 0)
      values[half] = (roundValue(seed, count, round, half) % (round % 2 === 1 ? a : b)) + 1
    return values[half]! - 1
  }
  return (number) => walk(count, number, value)
}

function roundValue(seed: string, count: number, round: number, half: number): number {
  // 48 bits: exact as a number, and no remainder is favoured by more than one in 10^8.
  return Number.parseInt(hash('sha256', `${seed}:${count}:${round}:${half}`, 'hex').slice(0, 12), 16)
}

function sides(count: number): [a: number, b: number] {
  const a = Math.max(NARROWEST, Math.ceil(Math.sqrt(count)))
  return [a, Math.max(NARROWEST, Math.ceil(count / a))]
}

function walk(count: number, number: number, value: RoundFunction): number {
  const [a, b] = sides(count)
  let m = checkInteger(number, 'number', 1, count) - 1
  do {
    let left = m % a
    let right = Math.floor(m / a)
    for (let round = 1; round <= ROUNDS; round++) {
      const next = (left + value(round, right)) % (round % 2 === 1 ? a : b)
      left = right
      right = next
    }
    m = left + a * right
    // The network shuffles all of a * b. Going on from where there is no such number ends within 1
    // to count, and at every one of them once: it follows a cycle, and the start is on it.
  } while (m >= count)
  return m + 1
}
