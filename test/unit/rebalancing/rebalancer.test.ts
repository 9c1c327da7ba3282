import { describe, expect, test } from 'vitest'
import { StockholdError } from '../../../src/index.js'
import { Rebalancer, type Shortage } from '../../../src/sale/rebalancing/rebalancer.js'
import { FakeParts } from '../../support/fake-parts.js'
import { TestClock } from '../../support/test-clock.js'

const DEADLINE = 1_000

function opened(stock: number[][]) {
  const clock = new TestClock(10_000)
  const parts = new FakeParts(stock, clock)
  const supply = new Rebalancer(parts, clock, DEADLINE)
  /** What comes of it: `come` where it is worth while to ask again. */
  const seek = async (
    lack: Partial<Shortage> & Pick<Shortage, 'wants'>,
    rest: { since?: number; round?: number; ms?: number; home?: number } = {},
  ) => {
    const { since = supply.snapshotCount, round = 0, ms = DEADLINE, home = 0 } = rest
    const [sku] = lack.wants[0]!
    const limits = { deadline: clock.now() + ms }
    const begun = clock.now()
    const outcome = { after: 0, is: undefined as unknown }
    const asked = { sku, available: parts.stock[home]![sku]!, partly: false, ...lack }
    void supply.acquire(home, asked, since, round, limits).then(
      (soldOut) => Object.assign(outcome, { after: clock.now() - begun, is: soldOut ?? 'come' }),
      (error) => Object.assign(outcome, { after: clock.now() - begun, is: error }),
    )
    for (let i = 0; i < 2 * ms && outcome.is === undefined; i++) await clock.advance(1)
    return outcome
  }
  return { clock, parts, supply, seek }
}

const away = () => new StockholdError('UNAVAILABLE', 'away')

describe('units that are somewhere', () => {
  test('are found by a snapshot and brought to the target', async () => {
    const { seek, parts } = opened([[0], [5]])
    expect((await seek({ wants: [[0, 2]] })).is).toBe('come')
    expect(parts.stock[0]).toEqual([2])
    expect(parts.calls('stats')).toEqual([0, 1])
  })

  test('are brought without a snapshot from where they are known to be', async () => {
    const { seek, parts, supply } = opened([[0], [9]])
    await seek({ wants: [[0, 2]] })
    parts.stock[0]![0] = 0
    supply.sold(0, [[0, 2]])
    const before = parts.calls('stats').length
    expect((await seek({ wants: [[0, 2]], available: 0 })).is).toBe('come')
    expect(parts.calls('stats')).toHaveLength(before)
  })

  test('in the target by now need not be brought', async () => {
    const { seek, parts } = opened([[3], [0]])
    expect((await seek({ wants: [[0, 2]], available: 3 })).is).toBe('come')
    expect(parts.asked).toEqual([])
  })

  test('of a cart are not moved where the cart cannot be had as a whole', async () => {
    const { seek, parts } = opened([
      [0, 1],
      [5, 0],
    ])
    const { is } = await seek({
      sku: 1,
      wants: [
        [0, 2],
        [1, 2],
      ],
      available: 1,
    })
    expect(is).toEqual({ sku: 1, available: 1, unsold: 1, mayReturn: false })
    expect(parts.calls('send')).toEqual([])
  })

  test('are brought as many as there are, where fewer will do', async () => {
    const { seek, parts } = opened([[0], [3]])
    expect((await seek({ wants: [[0, 9]], partly: true })).is).toBe('come')
    expect(parts.stock[0]).toEqual([3])
    // And where the home has all there are, there are no more.
    expect((await seek({ wants: [[0, 9]], partly: true, available: 3 })).is).toMatchObject({
      available: 3,
      unsold: 3,
    })
  })

  test('in transit for two snapshots are brought to the target', async () => {
    const { seek, parts } = opened([[0], [0]])
    parts.sent.set('1 0', new Map([[0, 4]]))
    expect((await seek({ wants: [[0, 2]] })).is).toBe('come')
    expect(parts.stock[0]).toEqual([4])
    expect(parts.calls('transfers')).toEqual([0, 1])
  })

  test('in transit to elsewhere are brought to where they belong, and then here', async () => {
    const { seek, parts } = opened([[0], [0], [0]])
    parts.sent.set('1 2', new Map([[0, 4]]))
    expect((await seek({ wants: [[0, 2]] })).is).toBe('come')
    expect(parts.stock[0]).toEqual([2])
  })
})

describe('that there are too few', () => {
  test('is said after two snapshots that were begun after the request', async () => {
    const { seek, parts, supply } = opened([[1], [0]])
    const { is } = await seek({ wants: [[0, 2]] })
    expect(is).toEqual({ sku: 0, available: 1, unsold: 1, mayReturn: false })
    expect(supply.snapshotCount).toBe(2)
    expect(parts.calls('stats')).toHaveLength(4)
    // The second of these was the first of the next.
    expect((await seek({ wants: [[0, 2]] })).is).toMatchObject({ available: 1 })
    expect(supply.snapshotCount).toBe(3)
  })

  test('is not said by a snapshot that was begun before', async () => {
    const { seek, supply } = opened([[0], [0]])
    await seek({ wants: [[0, 1]] })
    const { is } = await seek({ wants: [[0, 1]] }, { since: supply.snapshotCount + 2 })
    expect(is).toMatchObject({ available: 0 })
    expect(supply.snapshotCount).toBe(5)
  })

  test('says how many there are, where some may come back, and of the first SKU that lacks', async () => {
    const { seek, parts } = opened([
      [2, 0, 0],
      [1, 1, 0],
    ])
    const { is } = await seek({
      sku: 1,
      wants: [
        [0, 3],
        [1, 2],
        [2, 1],
      ],
      available: 0,
    })
    expect(is).toEqual({ sku: 1, available: 1, unsold: 1, mayReturn: false })
    expect(parts.calls('send')).toEqual([])
  })
})

describe('what stands in the way', () => {
  test('a partition that cannot be asked: no call says that there are none', async () => {
    const { seek, parts } = opened([[0], [0]])
    parts.before = (index) => {
      if (index === 1) throw away()
    }
    const { is } = await seek({ wants: [[0, 1]] })
    expect(is).toMatchObject({ code: 'UNAVAILABLE' })
    expect(String(is)).toMatch(/cannot be asked for its own.*Nothing was executed.*away/s)
  })

  test.each(['STATE_LOST', 'UNKNOWN_OUTCOME'] as const)(
    '%s there is told as what it means here',
    async (code) => {
      const { seek, parts } = opened([[0], [0]])
      parts.before = (index) => {
        if (index === 1) throw new StockholdError(code, 'there')
      }
      const { is } = await seek({ wants: [[0, 1]] })
      expect(is).toMatchObject({ code: code === 'STATE_LOST' ? code : 'UNAVAILABLE' })
    },
  )

  test('a partition that cannot be asked, found so by a snapshot of other SKUs, does not hide where there are units', async () => {
    const { seek, parts, clock } = opened([
      [0, 0],
      [5, 0],
      [0, 0],
    ])
    parts.before = async (index, command) => {
      if (index !== 2 || command !== 'stats') return
      await new Promise<void>((resolve) => void clock.after(100, resolve))
      throw away()
    }
    const other = seek({ wants: [[1, 1]] })
    await clock.advance(10)
    // It was asked for before that survey was begun, and lost at home to another buyer since.
    const { is } = await seek({ wants: [[0, 2]] }, { since: 0, round: 1 })
    expect(is).toBe('come')
    expect((await other).is).toMatchObject({ code: 'UNAVAILABLE' })
  })

  test('a partition that does not answer: after the deadline it is too late', async () => {
    const { seek, parts, clock } = opened([[0], [0]])
    parts.before = (index) => (index === 1 ? new Promise(() => {}) : undefined)
    const { is, after } = await seek({ wants: [[0, 1]] }, { ms: 100 })
    expect([String(is), after]).toEqual([expect.stringContaining('could not be brought here in time'), 100])
    expect(clock.due.every((ms) => ms >= 0)).toBe(true)
  })

  test('a partition that does not answer is not waited for where another has enough', async () => {
    const { seek, parts } = opened([[0], [0], [5]])
    parts.before = (index) => (index === 1 ? new Promise(() => {}) : undefined)
    const { is, after } = await seek({ wants: [[0, 2]] })
    expect([is, after]).toEqual(['come', 30])
  })

  test('the latest snapshot names the partitions that were away, when the time is over', async () => {
    const { seek, parts } = opened([[0], [0]])
    let calls = 0
    parts.before = (index, command) => {
      if (index !== 1 || command !== 'stats') return undefined
      if (calls++ < 2) throw away()
      return new Promise(() => {})
    }
    await seek({ wants: [[0, 1]] })
    const { is } = await seek({ wants: [[0, 1]] }, { ms: 100 })
    expect(String(is)).toMatch(/cannot be asked for its own/)
  })
})

describe('a caller that asks again and again', () => {
  test('waits longer each time by chance, from the third time on, up to 64 ms', async () => {
    for (const [round, most] of [
      [0, 0],
      [1, 0],
      [2, 2],
      [3, 4],
      [6, 32],
      [7, 64],
      [8, 64],
      [50, 64],
    ] as const) {
      const { seek, clock } = opened([[1], [0]])
      clock.luck = 1
      expect(await seek({ wants: [[0, 1]], available: 1 }, { round })).toEqual({ is: 'come', after: most })
    }
  })

  test('no longer than there is time', async () => {
    const { seek, clock } = opened([[1], [0]])
    clock.luck = 1
    const { is, after } = await seek({ wants: [[0, 1]], available: 1 }, { round: 50, ms: 10 })
    expect([String(is), after]).toEqual([expect.stringContaining('in time'), 10])
  })
})

describe('what a buyer got without a search', () => {
  test('is not looked for there by other partitions', async () => {
    const { seek, parts, supply } = opened([[4], [0]])
    await seek({ wants: [[0, 2]] }, { home: 1 })
    parts.stock[0]![0] = 0
    supply.sold(0, [[0, 2]])
    parts.asked.length = 0
    await seek({ wants: [[0, 1]], available: 0 }, { home: 1 })
    expect(parts.asked[0]).toMatchObject({ command: 'stats' })
  })

  test('leaves what is left, which is looked for', async () => {
    const { seek, parts, supply } = opened([[4], [0]])
    await seek({ wants: [[0, 2]] }, { home: 1 })
    supply.sold(0, [[0, 1]])
    parts.stock[1]![0] = 0
    parts.asked.length = 0
    await seek({ wants: [[0, 1]], available: 0 }, { home: 1 })
    expect(parts.asked[0]).toMatchObject({ command: 'send', index: 0 })
  })

  test('is never more than there was: other partitions still count in full', async () => {
    const { seek, parts, supply } = opened([[4], [0], [3]])
    await seek({ wants: [[0, 2]] }, { home: 1 })
    supply.sold(0, [[0, 1_000]])
    parts.stock[1]![0] = 0
    parts.asked.length = 0
    await seek({ wants: [[0, 3]], available: 0 }, { home: 1 })
    expect(parts.asked[0]).toMatchObject({ command: 'send', index: 2, op: { wants: [[0, 3]] } })
  })
})

test('all SKUs of a cart are looked for, the first that lacks is told of', async () => {
  const { seek, parts } = opened([
    [0, 0],
    [5, 5],
  ])
  expect(
    (
      await seek({
        wants: [
          [0, 1],
          [1, 2],
        ],
      })
    ).is,
  ).toBe('come')
  expect(parts.stock[0]).toEqual([1, 2])
})

test.each([
  [1_000, 500],
  [1, 1],
])('a handle whose calls last %i ms gives a step %i ms', async (deadlineMs, limitMs) => {
  const clock = new TestClock(10_000)
  const parts = new FakeParts([[0], [5]], clock)
  const limits = { deadline: clock.now() + 1_000 }
  const lack = { sku: 0, available: 0, wants: [[0, 1]] as const, partly: false }
  await new Rebalancer(parts, clock, deadlineMs).acquire(0, lack, 0, 0, limits)
  expect(parts.asked.map(({ command, deadline }) => [command, deadline - clock.now()])).toEqual([
    ['stats', limitMs],
    ['stats', limitMs],
    ['send', limitMs],
    ['receive', limitMs],
  ])
})

test('rounds without fruit are ever further apart', async () => {
  const { seek, supply, clock } = opened([[0], [0]])
  clock.luck = 1
  const { after } = await seek({ wants: [[0, 1]] }, { since: supply.snapshotCount + 6 })
  // Pauses of 2, 4, 8, 16 and 32 ms; a survey has a pause of its own.
  expect(after).toBe(62)
})
