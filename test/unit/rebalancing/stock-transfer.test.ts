import { describe, expect, test } from 'vitest'
import { StockholdError } from '../../../src/index.js'
import { KnownStock } from '../../../src/sale/rebalancing/known-stock.js'
import { StockTransfer } from '../../../src/sale/rebalancing/stock-transfer.js'
import { FakeParts } from '../../support/fake-parts.js'
import { settled, TestClock } from '../../support/test-clock.js'

const LIMIT = 500

/** @param stock By partition and SKU; the mover knows all of it. */
function opened(stock: number[][]) {
  const clock = new TestClock(1_000)
  const parts = new FakeParts(stock, clock)
  const known = new KnownStock(parts.count)
  for (const [partition, skus] of stock.entries())
    for (const [sku, units] of skus.entries()) known.note(partition, sku, units)
  const mover = new StockTransfer(parts, known, clock, LIMIT)
  return { clock, parts, known, mover }
}

/** Never answered, until it is let. */
function held() {
  let release!: () => void
  const gate = new Promise<void>((resolve) => {
    release = resolve
  })
  return { gate, release }
}

const unknown = () => new StockholdError('UNKNOWN_OUTCOME', 'no answer')
const away = () => new StockholdError('UNAVAILABLE', 'away')

describe('which partitions are asked for how much', () => {
  test('the richest, and no more of them than are needed', async () => {
    const { mover, parts } = opened([[0], [5], [9], [7]])
    expect([...(await mover.pull(0, [[0, 4]]))]).toEqual([0])
    expect(parts.asked).toMatchObject([
      {
        index: 2,
        command: 'send',
        op: { to: 0, wants: [[0, 4]], received: [[0, 0]] },
        deadline: 1_000 + LIMIT,
      },
      { index: 0, command: 'receive', op: { from: 2, sent: [[0, 4]] }, deadline: 1_000 + LIMIT },
    ])
    expect(parts.stock).toEqual([[4], [5], [5], [7]])
  })

  test('more of them, where one alone has too few', async () => {
    const { mover, parts } = opened([[0], [5], [9], [7]])
    await mover.pull(0, [[0, 15]])
    expect(parts.calls('send')).toEqual([2, 3])
    expect(parts.stock).toEqual([[15], [5], [0], [1]])
  })

  test('what is missing, for the target has some itself', async () => {
    const { mover, parts } = opened([[3], [9]])
    await mover.pull(0, [[0, 7]])
    expect(parts.asked[0]!.op).toMatchObject({ wants: [[0, 4]] })
  })

  test('one at least, though the target is expected to have enough: it has said otherwise', async () => {
    const { mover, parts } = opened([[8], [9]])
    await mover.pull(0, [[0, 7]])
    expect(parts.asked[0]!.op).toMatchObject({ wants: [[0, 1]] })
  })

  test('sixteen at most at a time', async () => {
    const { mover, parts } = opened([[0], ...Array.from({ length: 20 }, () => [1])])
    let first = 0
    parts.before = (_, command) => {
      if (command === 'receive' && first === 0) first = parts.calls('send').length
    }
    await mover.pull(0, [[0, 20]])
    expect(first).toBe(16)
  })

  test('several SKUs of one source in one call, in order', async () => {
    const { mover, parts } = opened([
      [0, 0],
      [6, 8],
    ])
    const came = await mover.pull(0, [
      [1, 3],
      [0, 2],
    ])
    expect([...came].sort()).toEqual([0, 1])
    expect(parts.calls('send')).toEqual([1])
    expect(parts.asked[0]!.op).toMatchObject({
      wants: [
        [0, 2],
        [1, 3],
      ],
    })
  })

  test('no partition, where none is known to have any', async () => {
    const { mover, parts } = opened([[0], [0]])
    expect((await mover.pull(0, [[0, 1]])).size).toBe(0)
    expect(parts.asked).toEqual([])
  })

  test('a source is expected to keep a half at most: other calls that look meanwhile see what will be left', async () => {
    const { mover, parts, known } = opened([[0], [9]])
    const { gate, release } = held()
    parts.before = (_, command) => (command === 'send' ? gate : undefined)
    const pulled = mover.pull(0, [[0, 1]])
    await settled()
    expect(known.at(1, 0)).toBe(5)
    release()
    await pulled
    expect(known.at(1, 0)).toBe(8)
  })

  test('a source that gives more than a half is expected to keep the rest', async () => {
    const { mover, parts, known } = opened([[0], [9]])
    const { gate, release } = held()
    parts.before = (_, command) => (command === 'send' ? gate : undefined)
    const pulled = mover.pull(0, [[0, 7]])
    await settled()
    expect(known.at(1, 0)).toBe(2)
    release()
    await pulled
  })

  test('a partition that had none after all is followed by another, and after two such rounds by none', async () => {
    const { mover, parts, known } = opened([[0], [0], [0], [0]])
    for (const partition of [1, 2, 3]) known.note(partition, 0, 10 - partition)
    expect((await mover.pull(0, [[0, 1]])).size).toBe(0)
    expect(parts.calls('send')).toEqual([1, 2])
    expect([1, 2, 3].map((partition) => known.at(partition, 0))).toEqual([0, 0, 7])
  })

  test('what came in the first round is not asked for again', async () => {
    const { mover, parts, known } = opened([
      [0, 0],
      [5, 0],
      [5, 3],
    ])
    known.note(1, 1, 9)
    const came = await mover.pull(0, [
      [0, 2],
      [1, 1],
    ])
    expect([...came].sort()).toEqual([0, 1])
    const wants = parts.asked
      .filter(({ command }) => command === 'send')
      .map(({ op }) => (op as { wants: [] }).wants)
    expect(wants).toEqual([
      [
        [0, 2],
        [1, 1],
      ],
      [[1, 1]],
    ])
  })
})

describe('several buyers who want units in one partition', () => {
  test('are served by one pull, and calls that come meanwhile by the next', async () => {
    const { mover, parts } = opened([[0], [50]])
    const first = [mover.pull(0, [[0, 1]]), mover.pull(0, [[0, 2]])]
    await settled()
    const second = [mover.pull(0, [[0, 4]]), mover.pull(0, [[0, 8]])]
    await Promise.all([...first, ...second])
    const wanted = parts.asked
      .filter(({ command }) => command === 'send')
      .map(({ op }) => (op as { wants: number[][] }).wants[0]![1])
    // What has come home by then is there for the second pull.
    expect(wanted).toEqual([3, 9])
  })

  test('wait for no other partition', async () => {
    const { mover, parts } = opened([[0], [50], [0]])
    const { gate, release } = held()
    parts.before = (_, command, op) =>
      command === 'send' && (op as { to: number }).to === 0 ? gate : undefined
    const first = mover.pull(0, [[0, 1]])
    expect((await mover.pull(2, [[0, 1]])).has(0)).toBe(true)
    release()
    await first
  })

  test('the pull behind one that is slow begins when that is over', async () => {
    const { mover, parts } = opened([[0], [50]])
    const { gate, release } = held()
    parts.before = (_, command) => (command === 'send' && parts.calls('send').length === 1 ? gate : undefined)
    const first = mover.pull(0, [[0, 1]])
    await settled()
    const second = mover.pull(0, [[0, 1]])
    await settled()
    expect(parts.calls('send')).toHaveLength(1)
    release()
    await Promise.all([first, second])
    expect(parts.calls('send')).toHaveLength(2)
  })
})

describe('a source that takes its time', () => {
  test('is waited for a moment, then the partitions that answered are enough; what it sends is received when it comes', async () => {
    const { mover, parts, clock } = opened([[0], [5], [4]])
    const { gate, release } = held()
    parts.before = (index, command) => (command === 'send' && index === 1 ? gate : undefined)
    let came: ReadonlySet<number> | undefined
    void mover.pull(0, [[0, 9]]).then((skus) => {
      came = skus
    })
    await clock.advance(29)
    expect(came).toBeUndefined()
    await clock.advance(1)
    expect([...came!]).toEqual([0])
    expect(parts.stock[0]).toEqual([4])
    release()
    await settled()
    expect(parts.stock[0]).toEqual([9])
    expect(clock.timers).toBe(0)
  })

  test('alone is waited for however long it takes', async () => {
    const { mover, parts, clock } = opened([[0], [5], [4]])
    const gates = [held(), held()]
    parts.before = (index, command) => (command === 'send' ? gates[index - 1]!.gate : undefined)
    let over = false
    void mover.pull(0, [[0, 9]]).then(() => {
      over = true
    })
    await clock.advance(400)
    expect(over).toBe(false)
    gates[1]!.release()
    await settled()
    expect(over).toBe(true)
    expect(parts.stock[0]).toEqual([4])
    gates[0]!.release()
    await settled()
    expect(parts.stock[0]).toEqual([9])
  })

  test('leaves no timer behind when all have answered', async () => {
    const { mover, clock } = opened([[0], [5]])
    await mover.pull(0, [[0, 1]])
    expect(clock.timers).toBe(0)
  })
})

describe('a send whose outcome is unknown', () => {
  test('is asked about, and what was sent is received', async () => {
    const { mover, parts } = opened([[0], [5]])
    let failed = false
    parts.after = (_, command) => {
      if (command !== 'send' || failed) return
      failed = true
      throw unknown()
    }
    await mover.pull(0, [[0, 2]])
    await settled()
    expect(parts.asked.map(({ command }) => command)).toEqual(['send', 'send', 'receive'])
    expect(parts.asked[1]!.op).toEqual({ to: 0, wants: [], received: [[0, 0]] })
    expect(parts.stock).toEqual([[2], [3]])
  })

  test('that cannot be asked about is left to others', async () => {
    const { mover, parts } = opened([[0], [5]])
    parts.after = (_, command) => {
      if (command === 'send') throw unknown()
    }
    expect((await mover.pull(0, [[0, 2]])).size).toBe(0)
    await settled()
    expect(parts.calls('receive')).toEqual([])
  })

  test('is not asked about where it certainly was not carried out; either way nothing is expected of the source', async () => {
    for (const error of [away(), unknown()]) {
      const { mover, parts, known } = opened([[0], [5]])
      let failed = false
      parts.before = (_, command) => {
        if (command !== 'send' || failed) return
        failed = true
        throw error
      }
      await mover.pull(0, [[0, 2]])
      await settled()
      expect(parts.calls('send')).toHaveLength(error.code === 'UNAVAILABLE' ? 1 : 2)
      if (error.code === 'UNAVAILABLE') expect(known.at(1, 0)).toBe(0)
    }
  })
})

describe('what a target has received', () => {
  test('is told to the source with the next pull', async () => {
    const { mover, parts } = opened([[0], [9]])
    await mover.pull(0, [[0, 2]])
    await mover.pull(0, [[0, 4]])
    const sends = parts.asked.filter(({ command }) => command === 'send')
    expect(sends[1]!.op).toMatchObject({ received: [[0, 2]] })
  })

  test('before it was recovered, it may have forgotten', async () => {
    const { mover, parts } = opened([[0], [9]])
    await mover.pull(0, [[0, 2]])
    parts.session(0).history.advanceTo({ generation: 2, sequence: 0, batchId: '' })
    await mover.pull(0, [[0, 4]])
    const sends = parts.asked.filter(({ command }) => command === 'send')
    expect(sends[1]!.op).toMatchObject({ received: [[0, 0]] })
  })

  test('is there for calls in the target partition: known by as much as came', async () => {
    const { mover, known } = opened([[1], [9]])
    await mover.pull(0, [[0, 5]])
    expect(known.at(0, 0)).toBe(5)
  })

  test('for the first time a handle hears of the pair, it counts no more than was asked for, or the source was expected to have', async () => {
    const { mover, parts, known } = opened([[0], [9]])
    // Others had moved 100 units before.
    parts.sent.set('1 0', new Map([[0, 100]]))
    await mover.pull(0, [[0, 2]])
    expect(parts.stock[0]).toEqual([102])
    // What was left there when that was asked, and one.
    expect(known.at(0, 0)).toBe(8)
  })

  test('again, counts what is new', async () => {
    const { mover, parts, known } = opened([[0], [9]])
    await mover.pull(0, [[0, 2]])
    parts.stock[0]![0] = 0
    known.note(0, 0, 0)
    await mover.pull(0, [[0, 4]])
    expect(parts.stock[0]).toEqual([4])
    expect(known.at(0, 0)).toBe(4)
    // And where a donor had nothing left, nothing has arrived, whatever came before.
    parts.stock[1]![0] = 0
    known.note(1, 0, 3)
    expect((await mover.pull(0, [[0, 9]])).size).toBe(0)
    expect(parts.calls('receive')).toHaveLength(2)
  })

  test('as much as was asked for counts, though the source is expected to have kept none', async () => {
    const { mover, parts, known } = opened([[0], [5]])
    parts.sent.set('1 0', new Map([[0, 100]]))
    await mover.pull(0, [[0, 5]])
    expect(known.at(0, 0)).toBe(5)
  })

  test('nothing is received where nothing was sent: the target is not asked', async () => {
    const { mover, parts, known } = opened([[0], [0]])
    known.note(1, 0, 3)
    await mover.pull(0, [[0, 2]])
    expect(parts.calls('receive')).toEqual([])
  })

  test('a target that does not answer has got nothing, as far as this handle knows', async () => {
    const { mover, parts } = opened([[0], [9]])
    parts.before = (_, command) => {
      if (command === 'receive') throw away()
    }
    expect((await mover.pull(0, [[0, 2]])).size).toBe(0)
    parts.before = undefined
    expect([...(await mover.pull(0, [[0, 2]]))]).toEqual([0])
    expect(parts.stock[0]![0]).toBeGreaterThanOrEqual(4)
  })
})

describe('what is in transit anywhere', () => {
  function stranded() {
    const all = opened([
      [0, 0],
      [9, 9],
      [9, 9],
    ])
    all.parts.sent.set(
      '1 0',
      new Map([
        [0, 5],
        [1, 2],
      ]),
    )
    all.parts.received.set(
      '0 1',
      new Map([
        [0, 3],
        [1, 2],
      ]),
    )
    all.parts.sent.set('2 1', new Map([[0, 4]]))
    all.parts.received.set('1 2', new Map([[0, 4]]))
    return all
  }

  test('is received: of pairs where something is missing', async () => {
    const { mover, parts, known } = stranded()
    expect(await mover.completeTransfers()).toBe(true)
    expect(parts.calls('receive')).toEqual([0])
    expect(parts.stock[0]).toEqual([2, 0])
    expect([known.at(0, 0), known.at(0, 1)]).toEqual([2, 0])
    expect(await mover.completeTransfers()).toBe(false)
  })

  test('one walk at a time, shared by all calls that want it', async () => {
    const { mover, parts } = stranded()
    await Promise.all([mover.completeTransfers(), mover.completeTransfers()])
    expect(parts.calls('transfers')).toEqual([0, 1, 2])
    await mover.completeTransfers()
    expect(parts.calls('transfers')).toHaveLength(6)
  })

  test('where its target cannot be reached, it stays in transit', async () => {
    const { mover, parts } = stranded()
    parts.before = (index) => {
      if (index === 0) throw away()
    }
    expect(await mover.completeTransfers()).toBe(false)
    parts.before = (_, command) => {
      if (command === 'receive') throw away()
    }
    expect(await mover.completeTransfers()).toBe(true)
  })

  test('what this handle does not look for is not counted', async () => {
    const { mover, parts } = stranded()
    const bare = new KnownStock(3)
    const other = new StockTransfer(parts, bare, new TestClock(), LIMIT)
    expect(await other.completeTransfers()).toBe(true)
    expect(bare.isKnown(0)).toBe(false)
    void mover
  })
})
