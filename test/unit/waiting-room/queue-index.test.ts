import { expect, test } from 'vitest'

import { random } from '../../../scripts/lib/random.js'

import type { DepartedChunk } from '../../../src/engine/room.js'
import { shuffledRank } from '../../../src/waiting-room/draw.js'
import { QueueIndex } from '../../../src/waiting-room/queue-index.js'

const CHUNK = 65_536

/**
 * What an engine would tell: the chunks with these numbers in them, cut off behind the last one.
 */
function chunksOf(numbers: Iterable<number>): DepartedChunk[] {
  const chunks = new Map<number, number[]>()
  for (const number of numbers) {
    const index = Math.floor(number / CHUNK)
    const places = chunks.get(index) ?? []
    places.push(number % CHUNK)
    chunks.set(index, places)
  }
  return [...chunks].map(([index, places]) => {
    const bits = Buffer.alloc((Math.max(...places) >> 3) + 1)
    for (const place of places) bits[place >> 3]! |= 0x80 >> (place & 7)
    return { index, bits }
  })
}

/** The line as anybody would write it down: a set of ranks. */
class NaiveLine {
  readonly gone = new Set<number>()
  drawn: number | null = null
  seed = ''

  rankOf(number: number): number {
    return this.drawn === null || number > this.drawn ? number : shuffledRank(this.seed, this.drawn, number)
  }

  isGone(rank: number): boolean {
    return [...this.gone].some((number) => this.rankOf(number) === rank)
  }

  goneBetween(from: number, to: number): number {
    return [...this.gone].filter((number) => this.rankOf(number) > from && this.rankOf(number) < to).length
  }
}

const fifo = { drawn: null, seed: null }

test('no visitor has left: nothing is gone, at any rank', () => {
  const line = new QueueIndex()
  for (const [from, to] of [
    [0, 1],
    [0, 1_000_000_000],
    [5, 5],
    [7, 3],
    [1e9, 2e9],
  ] as const)
    expect(line.goneBetween(from, to)).toBe(0)
  expect(line.isGone(1)).toBe(false)
  expect(line.isGone(1e9)).toBe(false)
  expect([line.rankOf(1), line.rankOf(1e9), line.isDrawn]).toEqual([1, 1e9, false])
})

test.each([1, 2, 3, 4, 5, 6])('random leaves, told in chunks and in any order (seed %i)', (seed) => {
  const draw = random(seed)
  const line = new QueueIndex()
  const naive = new NaiveLine()
  const size = [70, 3_000, 70_000, 140_000, 66_000, 1_100][seed - 1]!
  for (let round = 0; round < 30; round++) {
    for (let i = 0; i < draw() * 20; i++) naive.gone.add(1 + Math.floor(draw() * size))
    // Edges of words, blocks and chunks.
    if (round % 5 === 0)
      for (const edge of [1, 31, 32, 1_023, 1_024, 65_535, 65_536, 65_537])
        if (edge <= size) naive.gone.add(edge)
    const chunks = chunksOf(naive.gone)
    // Only what changed is told, and the same may be told twice.
    line.update({ ...fifo, gone: chunks.filter(() => draw() < 0.5) })
    line.update({ ...fifo, gone: chunks.toReversed() })
    for (let i = 0; i < 30; i++) {
      const from = Math.floor(draw() * size)
      const to = from + Math.floor(draw() * (size - from) * 1.2)
      expect(line.goneBetween(from, to)).toBe(naive.goneBetween(from, to))
      const rank = 1 + Math.floor(draw() * size)
      expect(line.isGone(rank)).toBe(naive.gone.has(rank))
    }
  }
})

test.each([1, 2, 3])(
  'a draw moves those who left before it too, and later ones go by it (seed %i)',
  (seed) => {
    const draw = random(100 + seed)
    const line = new QueueIndex()
    const naive = new NaiveLine()
    const size = 300
    const leave = (most: number) => {
      for (let i = 0; i < 15; i++) naive.gone.add(1 + Math.floor(draw() * most))
      line.update({
        drawn: naive.drawn,
        seed: naive.drawn === null ? null : naive.seed,
        gone: chunksOf(naive.gone),
      })
      for (let rank = 1; rank <= size + 50; rank++) {
        expect(line.isGone(rank)).toBe(naive.isGone(rank))
        expect(line.goneBetween(rank - 1, rank + 20)).toBe(naive.goneBetween(rank - 1, rank + 20))
      }
      expect(line.goneBetween(0, 1e6)).toBe(naive.gone.size)
    }
    leave(size)
    naive.drawn = 200
    naive.seed = `seed ${seed}`
    leave(size)
    leave(size)
    expect(line.isDrawn).toBe(true)
    const ranks = Array.from({ length: size }, (_, i) => line.rankOf(i + 1))
    expect(new Set(ranks.slice(0, 200))).toEqual(new Set(Array.from({ length: 200 }, (_, i) => i + 1)))
    expect(ranks.slice(200)).toEqual(Array.from({ length: 100 }, (_, i) => 201 + i))
  },
)

test('a draw in which no visitor took part changes nothing', () => {
  const line = new QueueIndex()
  line.update({ drawn: 0, seed: 'seed', gone: chunksOf([3]) })
  expect([line.isDrawn, line.rankOf(1), line.rankOf(7), line.isGone(3)]).toEqual([true, 1, 7, true])
})

test('a draw that comes together with the visitors who left', () => {
  const line = new QueueIndex()
  line.update({ drawn: 50, seed: 'seed', gone: chunksOf([1, 7, 60]) })
  for (const number of [1, 7, 60]) expect(line.isGone(line.rankOf(number))).toBe(true)
  expect(line.goneBetween(0, 100)).toBe(3)
})

test('a million ranks of which every third was given up', () => {
  const line = new QueueIndex()
  const gone = Array.from({ length: 333_333 }, (_, i) => 3 * (i + 1))
  line.update({ ...fifo, gone: chunksOf(gone) })
  for (const [from, to] of [
    [0, 1_000_000],
    [2, 4],
    [3, 4],
    [3, 6],
    [3, 7],
    [500_000, 700_001],
  ] as const)
    expect(line.goneBetween(from, to)).toBe(Math.floor((to - 1) / 3) - Math.floor(from / 3))
})
