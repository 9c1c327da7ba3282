import { describe, expect, test } from 'vitest'
import type { ConsumerContext } from '../../../src/consumer/consumer-context.js'
import { StreamWatch } from '../../../src/consumer/stream-watch.js'
import { Trimming } from '../../../src/consumer/trimming.js'
import type { ConsumerWarning } from '../../../src/consumer/warnings.js'
import { settled } from '../../support/test-clock.js'

/** Groups by how far they are. */
function source(groups: Record<string, number>, fails = () => false) {
  const asked: number[] = []
  const ask = async (partition: number) => {
    asked.push(partition)
    if (fails()) throw new Error('away')
    return { groups: Object.entries(groups).map(([group, position]) => ({ group, position })) }
  }
  return { asked, source: { ask } as unknown as ConsumerContext['source'] }
}

describe('when a stream is trimmed', () => {
  const opened = () => {
    const settings = { maxStreamLength: 1_000 }
    const around = { source: source({}).source, settings, maxHoldMs: 500, warn: () => {} }
    return new Trimming(3, around as unknown as ConsumerContext)
  }

  test('at once, by the longest hold and the longest stream', () => {
    expect(opened().at(0)).toEqual({ olderThanMs: 500, maxEvents: 1_000 })
  })

  test('seldom while little goes, soon again while much does', () => {
    const trimming = opened()
    expect(trimming.done(1, 50, 0)).toBe(Number.POSITIVE_INFINITY)
    expect(trimming.isDue(1_000_000)).toBe(false)
    // A hundred events went: there are more.
    const next = trimming.done(101, 150, 2_000)
    expect(next).toBeGreaterThan(2_000)
    expect(next).toBeLessThan(3_000)
    expect(trimming.at(next - 1)).toBeNull()
    expect(trimming.isDue(next - 1)).toBe(false)
    expect(trimming.at(next)).not.toBeNull()
    expect(trimming.isDue(next)).toBe(true)
    // And now one fewer than that: there is no hurry any more.
    expect(trimming.done(200, 250, next)).toBe(Number.POSITIVE_INFINITY)
    expect(trimming.at(next + 999)).toBeNull()
    expect(trimming.at(next + 1_000)).not.toBeNull()
    expect(trimming.isDue(next + 1_000)).toBe(false)
  })

  test('what the first look finds gone says nothing of how much there is', () => {
    expect(opened().done(5_000, 5_050, 0)).toBe(Number.POSITIVE_INFINITY)
  })
})

describe('a group that lags', () => {
  function watched(groups: Record<string, number>, max = 100, fails = () => false) {
    const told: ConsumerWarning[] = []
    const { asked, source: from } = source(groups, fails)
    const watch = new StreamWatch(3, max, from, (warning) => told.push(warning))
    const look = async (first: number, latest: number) => {
      watch.look(first, latest)
      await settled()
    }
    return { told, asked, look, watch }
  }

  test('is looked for from four fifths of the longest stream on', async () => {
    const { told, asked, look, watch } = watched({ slow: 0 })
    await look(1, 79)
    expect(asked).toEqual([])
    await look(1, 80)
    expect(asked).toEqual([3])
    expect(watch.first).toBe(1)
    const warning = { type: 'stream_length', partition: 3, group: 'slow', lag: 80, length: 80 }
    expect(told).toEqual([{ ...warning, maxStreamLength: 100 }])
  })

  test('counts from the oldest event that is left', async () => {
    const { asked, look } = watched({ slow: 0 })
    await look(12, 90)
    expect(asked).toEqual([])
    await look(11, 90)
    expect(asked).toEqual([3])
  })

  test('is told by name, those that keep up are not', async () => {
    const { told, look } = watched({ slow: 10, fine: 11 })
    await look(1, 90)
    expect(told).toMatchObject([{ group: 'slow', lag: 80 }])
  })

  test('is told once, and again after it has caught up', async () => {
    const groups = { slow: 0 }
    const { told, look } = watched(groups)
    await look(1, 80)
    await look(1, 81)
    expect(told).toHaveLength(1)
    groups.slow = 60
    await look(1, 90)
    groups.slow = 0
    await look(1, 91)
    expect(told).toHaveLength(2)
    // A stream that is short again forgets it too.
    await look(50, 92)
    await look(1, 93)
    expect(told).toHaveLength(3)
  })

  test('is looked for again after a look that failed', async () => {
    let away = true
    const { told, look } = watched({ slow: 0 }, 100, () => away)
    await look(1, 90)
    expect(told).toEqual([])
    away = false
    await look(1, 90)
    expect(told).toHaveLength(1)
  })
})
