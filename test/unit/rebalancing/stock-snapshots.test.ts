import { describe, expect, test } from 'vitest'
import { Session } from '../../../src/batching/session.js'
import { StockholdError } from '../../../src/errors.js'
import type { Parts } from '../../../src/sale/partitions.js'
import { KnownStock } from '../../../src/sale/rebalancing/known-stock.js'
import { StockSnapshots } from '../../../src/sale/rebalancing/stock-snapshots.js'
import { FakeParts } from '../../support/fake-parts.js'
import { TestClock } from '../../support/test-clock.js'

/** Two partitions with `units` on sale; the second answers when it is let. */
function surveyed(units: readonly [number, number]) {
  const clock = new TestClock()
  let answer: (() => void) | undefined
  const sessions = [0, 1].map((index) => new Session(`part ${index}`, { max: 10, open: 0 }))
  const parts: Parts = {
    count: 2,
    session: (index) => sessions[index]!,
    async ask(index, _command, _op, _limits, result) {
      if (index === 1) {
        await new Promise<void>((resolve) => {
          answer = resolve
        })
      }
      sessions[index]!.history.advanceTo({ generation: 1, sequence: 1, batchId: '' })
      const sku = { total: units[index]!, available: units[index]!, held: 0, confirmed: 0 }
      return result({ status: 'counted', skus: [sku], returns: 0 } as never)
    },
  }
  const known = new KnownStock(2)
  known.track(0)
  const surveys = new StockSnapshots(parts, known, clock, 10_000)
  surveys.want([[0, 1]])
  return { surveys, known, clock, answer: () => answer!() }
}

test('a call that waits for a silent partition uses what the others answered', async () => {
  const { surveys, known, clock, answer } = surveyed([3, 4])
  const { done, partialResult } = surveys.current()
  await clock.during(partialResult)
  expect(known.track(0).sum).toBe(3)
  expect(surveys.last).toBeUndefined()
  answer()
  expect((await done).available).toEqual([7])
  expect(known.track(0).sum).toBe(7)
})

test('what is over leaves no timer that keeps a process alive', async () => {
  const { surveys, clock, answer } = surveyed([3, 4])
  const { done } = surveys.current()
  // It begins with its turn.
  await Promise.resolve().then(() => {})
  answer()
  await done
  expect(clock.keptAliveBy).toBe(0)
})

describe('a partition that does not answer', () => {
  const away = new StockholdError('UNAVAILABLE', 'away')

  /** Two partitions, of which the second fails so many times, each after so long. */
  function failing(times: number, ms: number, error: unknown = away) {
    const clock = new TestClock(1_000)
    const parts = new FakeParts([[3], [4]], clock)
    const known = new KnownStock(2)
    const surveys = new StockSnapshots(parts, known, clock, LIMIT)
    surveys.want([[0, 1]])
    parts.before = async (index) => {
      if (index === 0 || times-- <= 0) return
      await new Promise<void>((resolve) => void clock.after(ms, resolve))
      throw error
    }
    const survey = async () => {
      const { done } = surveys.current()
      await clock.advance(2 * LIMIT)
      return done
    }
    return { clock, parts, known, survey }
  }
  const LIMIT = 1_000

  test.each([
    [1, 0, 2],
    [1, LIMIT - 1, 2],
    // Its time is over.
    [1, LIMIT, 1],
    [2, 1, 2],
  ])(
    'is asked once more while there is time: it fails %i times, each after %i ms',
    async (times, ms, asked) => {
      const { parts, survey } = failing(times, ms)
      const { failures } = await survey()
      expect(parts.calls('stats').filter((index) => index === 1)).toHaveLength(asked)
      expect([...failures]).toEqual(asked > times ? [] : [[1, away]])
    },
  )

  test.each([new StockholdError('STATE_LOST', 'lost'), new Error('no fault of the engine')])(
    'is not asked again where that would not help: %s',
    async (error) => {
      const { parts, survey } = failing(1, 0, error)
      expect([...(await survey()).failures]).toEqual([[1, error]])
      expect(parts.calls('stats')).toEqual([0, 1])
    },
  )

  test('counts as one that has nothing, until it answers again', async () => {
    const { known, survey } = failing(0, 0)
    await survey()
    expect([known.at(1, 0), known.sum(0)]).toEqual([4, 7])
    const away = failing(2, 0)
    away.known.note(1, 0, 4)
    await away.survey()
    expect([away.known.at(0, 0), away.known.at(1, 0), away.known.sum(0)]).toEqual([3, 0, 3])
    await away.survey()
    expect(away.known.sum(0)).toBe(7)
  })

  test('a snapshot after a failed one does not count as the second', async () => {
    const { survey } = failing(2, 0)
    const stills: boolean[] = []
    for (let i = 0; i < 4; i++) stills.push((await survey()).still)
    expect(stills).toEqual([false, false, true, true])
  })
})

test('nothing has moved, as far as two snapshots one after another can tell', async () => {
  const { surveys, clock, answer } = surveyed([3, 4])
  const stills: boolean[] = []
  for (let i = 0; i < 2; i++) {
    const { done, partialResult } = surveys.current()
    await clock.during(partialResult)
    answer()
    stills.push((await done).still)
  }
  expect(stills).toEqual([false, true])
})

test('asks each partition for what a call waits for, and nothing else', async () => {
  const asked: (readonly number[])[] = []
  const session = new Session('part', { max: 10, open: 0 })
  const parts: Parts = {
    count: 1,
    session: () => session,
    async ask(_index, _command, op, _limits, result) {
      const { skus } = op as { skus: readonly number[] }
      asked.push(skus)
      session.history.advanceTo({ generation: 1, sequence: 1, batchId: '' })
      const counts = skus.map((sku) => ({ total: sku, available: sku, held: 0, confirmed: 0, inTransit: 0 }))
      return result({ status: 'open', skus: counts, returns: 0 } as never)
    },
  }
  const known = new KnownStock(1)
  const surveys = new StockSnapshots(parts, known, new TestClock(), 10_000)
  const [first, second] = [
    surveys.want([[7, 1]]),
    surveys.want([
      [7, 2],
      [3, 1],
    ]),
  ]
  const both = await surveys.current().done
  expect([both.unsold[7], both.unsold[3], both.unsold[0]]).toEqual([7, 3, undefined])
  second()
  const third = surveys.want([[5, 1]])
  const next = await surveys.current().done
  // Of what was not wanted before, the survey before says nothing.
  expect([next.unsold[7], next.unsoldBefore[7], next.unsold[5], next.unsoldBefore[5]]).toEqual([
    ...[7, 7, 5, undefined],
  ])
  first()
  third()
  await surveys.current().done
  expect(asked).toEqual([[7, 3], [7, 5], []])
  expect([known.at(0, 7), known.at(0, 3), known.isKnown(0)]).toEqual([7, 3, false])
})
