import fc from 'fast-check'
import { expect, test } from 'vitest'
import { RecentMap } from '../../src/recent-map.js'

test('keeps what was used last, at least half and never more than it may', () => {
  const step = fc.record({
    key: fc.integer({ min: 0, max: 30 }),
    do: fc.constantFrom('set', 'get', 'delete'),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const map = new RecentMap<number>(16)
      let recent: string[] = []
      const values = new Map<string, number>()
      for (const [i, { key, do: action }] of steps.entries()) {
        const name = String(key)
        if (action === 'set') {
          map.set(name, i)
          values.set(name, i)
        } else if (action === 'delete') {
          map.delete(name)
          values.delete(name)
        } else {
          const found = map.get(name)
          if (found !== undefined) expect(found).toBe(values.get(name))
          if (recent.slice(0, 8).includes(name)) expect(found).toBe(values.get(name))
          if (found === undefined) continue
        }
        recent = recent.filter((one) => one !== name)
        if (action !== 'delete') recent.unshift(name)
      }
      const kept = [...map.values()]
      expect(kept.length).toBeLessThanOrEqual(16)
      expect(new Set(kept).size).toBe(kept.length)
      if (!steps.some((one) => one.do === 'delete'))
        expect(map.dropped + kept.length).toBeGreaterThanOrEqual(values.size)
    }),
  )
})

test('a cleared map is as new', () => {
  const map = new RecentMap<number>(4)
  for (let i = 0; i < 9; i++) map.set(`k${i}`, i)
  expect(map.dropped).toBeGreaterThan(0)
  map.clear()
  expect([...map.values()]).toEqual([])
  expect(map.dropped).toBe(0)
})
