import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { newSeed, seedCommitment, shuffledRank, shuffler } from '../../../src/waiting-room/draw.js'
import { labelled, noNumber, thrown } from '../../support/invalid.js'

const SEED = '00'.repeat(32)
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
/** The same seeds in every run. */
const seeds = (many: number) => Array.from({ length: many }, (_, i) => sha256(`seed ${i}`))
const numbers = (count: number) => Array.from({ length: count }, (_, i) => i + 1)

test('the example of the documentation', () => {
  expect(SEED).toHaveLength(64)
  expect(seedCommitment(SEED)).toBe('60e05bd1b195af2f94112fa7197a5c88289058840ce7c6df9693756bc6250f55')
  expect(numbers(10).map((number) => shuffledRank(SEED, 10, number))).toEqual([1, 6, 2, 9, 4, 8, 3, 10, 5, 7])
  expect(Number(`0x${sha256(`${SEED}:10:1:0`).slice(0, 12)}`)).toBe(80_402_978_644_790)
  expect(Number(`0x${sha256(`${SEED}:10:2:2`).slice(0, 12)}`)).toBe(150_316_677_010_324)
})

/** Steps 1 to 5 of the documentation, to the letter and in other arithmetic. */
function recomputed(seed: string, count: number, number: number): number {
  let a = 4n
  while (a * a < count) a++
  let b = 4n
  while (a * b < count) b++
  let m = BigInt(number - 1)
  do {
    let [left, right] = [m % a, m / a]
    for (let round = 1; round <= 10; round++) {
      const value = BigInt(`0x${sha256(`${seed}:${count}:${round}:${right}`).slice(0, 12)}`)
      ;[left, right] = [right, (left + value) % (round % 2 === 1 ? a : b)]
    }
    m = left + a * right
  } while (m >= count)
  return Number(m) + 1
}

test('any visitor can recompute it', () => {
  const [seed] = seeds(1) as [string]
  for (const count of [1, 2, 3, 15, 16, 17, 99, 100, 101, 1_000, 65_537, 1_000_000]) {
    const all = shuffler(seed, count)
    for (const number of new Set(
      [1, 2, 3, count >> 1, count - 1, count].filter((n) => n >= 1 && n <= count),
    )) {
      expect(shuffledRank(seed, count, number)).toBe(recomputed(seed, count, number))
      expect(all(number)).toBe(shuffledRank(seed, count, number))
    }
  }
})

function isPermutation(rank: (number: number) => number, count: number): boolean {
  const taken = new Uint8Array(count + 1)
  for (let number = 1; number <= count; number++) taken[rank(number)]! += 1
  return taken.subarray(1).every((times) => times === 1) && taken[0] === 0
}

test('every visitor has another rank: 1 to 300, with two seeds', () => {
  for (const seed of seeds(2))
    for (let count = 1; count <= 300; count++)
      if (!isPermutation(shuffler(seed, count), count)) expect.fail(`seed ${seed}, count ${count}`)
  for (const count of [1, 7, 16, 61])
    expect(isPermutation((number) => shuffledRank(SEED, count, number), count)).toBe(true)
})

test.each([4_095, 4_096, 4_097, 10_007, 65_536, 99_991, 250_001, 1_000_003])(
  'everybody has a rank of their own: %i',
  (count) => expect(isPermutation(shuffler(SEED, count), count)).toBe(true),
)

test('ranks stay within very large counts, and differ', () => {
  for (const count of [999_999_937, 1_000_000_000_000]) {
    const ranks = numbers(2_000).map((i) => shuffledRank(SEED, count, i * 449_999))
    expect(new Set(ranks).size).toBe(ranks.length)
    expect(ranks.every((rank) => Number.isInteger(rank) && rank >= 1 && rank <= count)).toBe(true)
    const mean = ranks.reduce((sum, rank) => sum + rank / count, 0) / ranks.length
    expect(Math.abs(mean - 0.5)).toBeLessThan(0.03)
  }
})

/** How far counts are from all alike, in standard deviations of chi-square. */
function unevenness(counts: readonly number[], freedom: number): number {
  const mean = counts.reduce((sum, n) => sum + n, 0) / counts.length
  const chi = counts.reduce((sum, n) => sum + (n - mean) ** 2 / mean, 0)
  return Math.abs(chi - freedom) / Math.sqrt(2 * freedom)
}

test.each([2, 3, 5, 6, 7, 16, 17, 30])('every rank is as likely for each of %i numbers', (count) => {
  const cells = numbers(count * count).fill(0)
  for (const seed of seeds(4_000)) {
    const rank = shuffler(seed, count)
    for (let number = 1; number <= count; number++) cells[(number - 1) * count + rank(number) - 1]! += 1
  }
  expect(unevenness(cells, (count - 1) ** 2)).toBeLessThan(4)
})

test.each([3, 4, 5])('every order of %i numbers is as likely', (count) => {
  const orders = new Map<string, number>()
  for (const seed of seeds(12_000)) {
    const order = numbers(count).map(shuffler(seed, count)).join()
    orders.set(order, (orders.get(order) ?? 0) + 1)
  }
  const all = [6, 24, 120][count - 3]!
  expect(orders.size).toBe(all)
  expect(unevenness([...orders.values()], all - 1)).toBeLessThan(4)
})

test('neighbours in the queue get unrelated ranks, in large draws too', () => {
  const count = 100_000
  const rank = shuffler(SEED, count)
  const tenths = numbers(100).fill(0)
  const tenth = (number: number) => Math.floor(((rank(number) - 1) * 10) / count)
  for (let number = 1; number < count; number++) tenths[tenth(number) * 10 + tenth(number + 1)]! += 1
  expect(unevenness(tenths, 99)).toBeLessThan(4)
})

test('another seed or count is another order', () => {
  const [one, two] = seeds(2) as [string, string]
  const order = (seed: string, count: number) =>
    numbers(50).map((number) => shuffledRank(seed, count, number))
  expect(order(one, 1_000)).not.toEqual(order(two, 1_000))
  expect(order(one, 1_000)).not.toEqual(order(one, 1_001))
  expect(order(one, 1_000)).toEqual(order(one, 1_000))
})

test('seeds are 32 random bytes in hex, and the commitment does not tell them', () => {
  const made = numbers(100).map(newSeed)
  expect(new Set(made).size).toBe(100)
  for (const seed of made) {
    expect(seed).toMatch(/^[0-9a-f]{64}$/)
    expect(seedCommitment(seed)).toBe(sha256(seed))
  }
})

test.each(labelled([...noNumber, 0, -1]))('%s is no count and no number', (_, value) => {
  thrown(() => shuffledRank(SEED, value as number, 1), 'count')
  thrown(() => shuffler(SEED, value as number), 'count')
  thrown(() => shuffledRank(SEED, 10, value as number), 'number')
  thrown(() => shuffledRank(SEED, 10, 11), 'number')
  thrown(() => shuffler(SEED, 10)(11), 'number')
})
