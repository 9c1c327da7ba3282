import { hash, randomBytes } from 'node:crypto'
import { checkInteger } from '../validation.js'

/**
 * The draw: a shuffle of the numbers 1 to `count` that follows from a seed. The rank of one number
 * can be computed without the others, and afterwards any visitor can verify it in any language. It
 * is a generalised Feistel network with cycle walking (Black and Rogaway, "Ciphers with Arbitrary
 * Finite Domains", 2002).
 *
 * The engine publishes `commitment = sha256(seed)` before the draw, and the seed after it. To
 * compute the rank of `number`:
 *
 * 1. `a = max(4, ceil(sqrt(count)))` and `b = max(4, ceil(count / a))`. Start with
 *    `m = number - 1`.
 * 2. `left = m mod a`, `right = floor(m / a)`.
 * 3. For `round` from 1 to 10: `next = (left + F(round, right)) mod (a in odd rounds, b in even
 *    ones)`, then `left = right` and `right = next`.
 * 4. `m = left + a * right`. While `m >= count`, repeat from 2 with this `m`.
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
 * What it proves: the seed and the count alone fixed the order, and no visitor was moved. A reader
 * of the seed can compute the order, so the engine keeps the seed secret until the draw.
 */

// With fewer rounds or narrower halves, some orders of a few numbers are measurably likelier than
// others.
const ROUNDS = 10
const NARROWEST = 4
/** The halves stay below 10^6, and every sum far below 2^53. */
const MAX_COUNT = 1_000_000_000_000

type RoundFunction = (round: number, half: number) => number

/** A new random seed of 64 hex digits, too long to be guessed. */
export function newSeed(): string {
  return randomBytes(32).toString('hex')
}

/** The commitment to a seed, which is published before the draw. */
export function seedCommitment(seed: string): string {
  return hash('sha256', seed, 'hex')
}

/** The rank of `number` among 1 to `count`. For one number; for many see {@link shuffler}. */
export function shuffledRank(seed: string, count: number, number: number): number {
  return walk(checkInteger(count, 'count', 1, MAX_COUNT), number, (round, half) =>
    roundValue(seed, count, round, half),
  )
}

/**
 * `shuffledRank` of one draw, for many numbers. F has only some `10 * sqrt(count)` different values
 * (10,000 for a million numbers). They are computed once and kept, so each number costs only a few
 * additions.
 */
export function shuffler(seed: string, count: number): (number: number) => number {
  const [a, b] = sides(checkInteger(count, 'count', 1, MAX_COUNT))
  // F mod the side, plus one: 0 means that the value is not computed yet.
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
    // The network permutes all of 0 to a * b - 1. Repeating it while the result is too large always
    // ends, and reaches every number below `count` once: it follows a cycle, and the start is on
    // it.
  } while (m >= count)
  return m + 1
}
