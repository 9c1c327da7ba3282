import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import {
  groupKeys,
  heartbeatKeys,
  indexKeys,
  partitionKeys,
  roomKeys,
} from '../../../src/redis-engine/keys.js'
import { SLOTS, slotOf } from '../../../src/redis-engine/slot.js'

const counts = Array.from({ length: 1_023 }, (_, i) => i + 2)
const slots = (sale: string, partitions: number) =>
  Array.from({ length: partitions }, (_, p) => slotOf(partitionKeys('stockhold', sale, p, partitions)[0]!))
const known = new Map(counts.map((n) => [n, slots(`sale ${n}`, n)]))

describe('a slot', () => {
  test('is the CRC-16 that Redis documents', () => {
    expect(slotOf('123456789')).toBe(0x31c3 % SLOTS)
  })

  test('goes by the first tag there is; an empty one is none', () => {
    expect(slotOf('a{b}c{d}')).toBe(slotOf('b'))
    expect(slotOf('{{a}}')).toBe(slotOf('{a'))
    expect(slotOf('a}{b}')).toBe(slotOf('b'))
    const whole = ['', '{}', 'a{b', '{}{a}'].map(slotOf)
    // By CLUSTER KEYSLOT.
    expect(whole).toEqual([0, 15_257, 13_340, 13_650])
    expect(slotOf('ü')).toBe(slotOf('{ü}'))
  })
})

describe('the partitions of a sale', () => {
  test('lie equally far from each other, beginning with the first, however many there are', () => {
    const gaps = counts.flatMap((n) => {
      const [first, ...rest] = known.get(n)!
      return rest.map((slot, i) => ((slot - first! + SLOTS) % SLOTS) - ((i + 1) * SLOTS) / n)
    })
    // To the next slot: where they should lie need not be a whole number.
    expect(gaps.filter((gap) => gap < 0 || gap >= 1)).toEqual([])
  })

  test.each([3, 4, 6])('are spread evenly over %i masters with equal ranges of slots', (masters) => {
    const edge = (i: number) => Math.round((i * SLOTS) / masters)
    for (const n of counts) {
      const taken = known.get(n)!
      for (let m = 0; m < masters; m++) {
        const here = taken.filter((slot) => slot >= edge(m) && slot < edge(m + 1)).length
        expect(Math.abs(here - n / masters), `${n} partitions, master ${m}`).toBeLessThanOrEqual(1)
      }
    }
  })

  test('have tags of their own, all different', () => {
    const keys = counts
      .slice(0, 60)
      .flatMap((n) =>
        ['a', 'b', 'a:0', 'a:1', 'a}', 'ü'].flatMap((sale) =>
          ['p', 'p:a', '{'].flatMap((prefix) =>
            Array.from(
              { length: n },
              (_, p) => [`${prefix} ${sale} ${p}${p && ` of ${n}`}`, prefix, sale, p, n] as const,
            ),
          ),
        ),
      )
    const whose = new Map<string, string>()
    for (const [name, prefix, sale, p, n] of keys) {
      const key = partitionKeys(prefix, sale, p, n)[0]!
      // A partition may have the same place among several numbers of them; it is never another
      // sale's, or another partition.
      const owner = name.replace(/ of .*/, '')
      expect(whose.get(key) ?? owner).toBe(owner)
      whose.set(key, owner)
    }
  })

  test('keep their keys for ever: what is stored must be found by every later version', () => {
    expect(partitionKeys('stockhold', 'launch', 0, 1)).toEqual(partitionKeys('stockhold', 'launch', 0, 1_024))
    expect(partitionKeys('stockhold', 'launch', 0, 1).slice(0, 2)).toEqual([
      '{stockhold:launch:0}:meta',
      '{stockhold:launch:0}:stock',
    ])
    const tags = [
      [1, 2],
      [1, 3],
      [2, 3],
      [7, 16],
      [1_023, 1_024],
    ].map(([p, n]) => partitionKeys('stockhold', 'launch', p!, n!)[0])
    expect(tags).toMatchInlineSnapshot(`
      [
        "{stockhold:launch:1:0cgv}:meta",
        "{stockhold:launch:1:0gxq}:meta",
        "{stockhold:launch:2:01oe}:meta",
        "{stockhold:launch:7:00j1}:meta",
        "{stockhold:launch:1023:04ey}:meta",
      ]
    `)
  })

  test('have all their keys in one slot, those of their groups too', () => {
    for (const [p, n] of [
      [0, 1],
      [3, 7],
      [1_023, 1_024],
    ] as const) {
      const all = [...partitionKeys('p', 's', p, n), ...groupKeys('p', 's', p, n)]
      expect(new Set(all.map(slotOf)).size).toBe(1)
    }
  })

  test('are worked out without a search: those of 200 sales, before a search for each salt would have ended', () => {
    // Some 2 ms for each; with a search, a second.
    for (let sale = 0; sale < 200; sale++) expect(slots(`many-${sale}`, 1_024)).toHaveLength(1_024)
  })
})

test('behind all keys of a script stands one that is never written', () => {
  for (const keys of [
    partitionKeys('p', 's', 0, 1),
    groupKeys('p', 's', 0, 1),
    roomKeys('p', 's'),
    indexKeys('p'),
    heartbeatKeys('p'),
  ]) {
    expect(keys.at(-1)).toMatch(/\}:none$/)
    expect(new Set(keys).size).toBe(keys.length)
  }
})

test('the chapter on Redis names every key', () => {
  const chapter = readFileSync(new URL('../../../src/redis-engine/README.md', import.meta.url), 'utf8')
  const rows = chapter.split('\n').filter((line) => line.startsWith('| `'))
  const named = rows.flatMap((row) =>
    [...row.matchAll(/`(?:\{[^}]*\}:|\.\.\.:)?([a-z_]+)`/g)].map(([, name]) => name),
  )
  const keys = [
    ...partitionKeys('p', 's', 0, 1),
    ...groupKeys('p', 's', 0, 1),
    ...roomKeys('p', 'r'),
    ...heartbeatKeys('p'),
  ].map((key) => key.split(':').at(-1)!)
  for (const key of keys) if (key !== 'none') expect(named, key).toContain(key)
})
