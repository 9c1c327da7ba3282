import { describe, expect, test } from 'vitest'
import { StockholdError } from '../../../src/errors.js'
import type { FlashSale } from '../../../src/sale/flash-sale.js'
import {
  DEADLINE_MS,
  outcome,
  PASS_MS,
  SERVER,
  keeperStage as stage,
  visit,
} from '../../support/room-poller-stage.js'
import { settled } from '../../support/test-clock.js'

describe('how old a state is', () => {
  /** A keeper whose state was asked for 30 ms before its answer. */
  async function known() {
    const all = stage()
    const { keeper, tends, clock } = all
    outcome(keeper.refresh())
    await settled()
    await clock.advance(30)
    await tends[0]!.reply({ tail: 1 })
    return all
  }

  test('counts from the question: known up to its last ms', async () => {
    const { keeper, clock } = await known()
    expect([29, 30].map((age) => keeper.isFresherThan(age))).toEqual([false, true])
    await clock.advance(20)
    expect([49, 50].map((age) => keeper.isFresherThan(age))).toEqual([false, true])
  })

  test('a state that is fresh enough is told without a call, and one that is a ms older is not', async () => {
    const { keeper, tends } = await known()
    expect(await keeper.refresh(undefined, 30)).toMatchObject({ tail: 1 })
    await settled()
    expect(tends).toHaveLength(1)
    outcome(keeper.refresh(undefined, 29))
    await settled()
    expect(tends).toHaveLength(2)
  })

  test('a state of less than a ms is fresh for a call that asks for one of a ms, and for no other', async () => {
    const { keeper, tends } = stage()
    for (const expected of [1, 2]) {
      outcome(keeper.refresh())
      await settled()
      await tends.at(-1)!.reply()
      expect(tends).toHaveLength(expected)
      await keeper.refresh(undefined, 1)
      await settled()
      expect(tends).toHaveLength(expected)
    }
  })

  test('a clock that stood still makes no state younger: the other one counts', async () => {
    const { keeper, stageOf, clock } = await known()
    const asked = clock.now() - 30
    stageOf.elapsed = () => asked + 100
    expect([99, 100].map((age) => keeper.isFresherThan(age))).toEqual([false, true])
  })

  test('is recent up to 250 ms while calls are scarce, and never while one more is cheap', async () => {
    const { keeper, tends, clock } = await known()
    expect(keeper.recent()).toBeUndefined()
    for (let i = 1; i < 24; i++) {
      outcome(keeper.refresh())
      await settled()
      await tends[i]!.reply()
    }
    expect(keeper.recent()).toBeDefined()
    await clock.advance(99)
    // The next look of the room goes out meanwhile, and is not answered.
    await clock.advance(151)
    expect(keeper.recent()).toBeDefined()
    await clock.advance(1)
    expect(keeper.recent()).toBeUndefined()
  })

  test('what this process changed itself makes it old, and what was asked before the change as well', async () => {
    const { keeper, tends } = await known()
    keeper.forget()
    expect(keeper.isFresherThan(1e9)).toBe(false)
    outcome(keeper.refresh())
    await settled()
    keeper.forget()
    await tends[1]!.reply()
    expect(keeper.isFresherThan(1e9)).toBe(false)
    outcome(keeper.refresh())
    await settled()
    await tends[2]!.reply()
    expect(keeper.isFresherThan(0)).toBe(true)
  })
})

test('a draw that a tend tells of is known to the queue', async () => {
  const { keeper, tends } = stage()
  outcome(keeper.refresh())
  await settled()
  await tends[0]!.reply({ drawn: 0, seed: 'x' })
  expect(keeper.queue.isDrawn).toBe(true)
})

describe('the stock of a sale', () => {
  /** Answers what is left, or fails, and counts. */
  function shop() {
    const counts = { available: 5, held: 0, inTransit: 0 }
    const answered = undefined as Promise<void> | undefined
    const shopOf = { reads: 0, fails: undefined as unknown, answered, counts, state: 'open' }
    const sale = {
      stats: async () => {
        shopOf.reads++
        await shopOf.answered
        if (shopOf.fails) throw shopOf.fails
        return { state: shopOf.state, skus: { a: shopOf.counts } }
      },
      context: {
        client: { call: () => ({}), learn: async () => ({ rules: { skus: [] } }), serverNow: () => SERVER },
      },
    } as unknown as FlashSale
    const all = stage({ sale })
    const ask = async () => {
      outcome(all.keeper.refresh())
      await settled()
      await all.tends.at(-1)!.reply()
      return all.tends.at(-1)!.op.stock
    }
    return { ...all, shopOf, ask }
  }

  test('is read before each call while calls are cheap, and told as of the question', async () => {
    const { clock, shopOf, ask } = shop()
    expect(await ask()).toEqual({ at: SERVER + clock.now(), state: 'open', available: 5 })
    shopOf.counts.available = 4
    expect(await ask()).toMatchObject({ available: 4 })
    expect(shopOf.reads).toBe(2)
  })

  test('is told again for 200 ms while calls are scarce, and read again a ms later', async () => {
    const { clock, shopOf, ask } = shop()
    for (let i = 0; i < 35; i++) await ask()
    const read = shopOf.reads
    expect(read).toBeLessThan(35)
    for (const [ms, more] of [
      ...[
        [0, 0],
        [200, 0],
        [1, 1],
      ],
      ...[
        [200, 1],
        [1, 2],
      ],
    ] as const) {
      await clock.advance(ms)
      await ask()
      expect(shopOf.reads - read).toBe(more)
    }
  })

  test('that cannot be read is not told, and is asked for again; why is told where it is final', async () => {
    const { shopOf, ask, keeper } = shop()
    await ask()
    for (const [code, final] of [
      ['STATE_LOST', true],
      ['UNAVAILABLE', false],
    ] as const) {
      shopOf.fails = new StockholdError(code, 'lost')
      expect(await ask()).toBeNull()
      expect(keeper.saleError?.code).toBe(final ? code : undefined)
    }
    shopOf.fails = new StockholdError('STATE_LOST', 'lost')
    await ask()
    shopOf.fails = undefined
    expect(await ask()).toMatchObject({ available: 5 })
    expect(keeper.saleError).toBeUndefined()
  })

  test('that does not come delays admission for a quarter of its time, once for each reading', async () => {
    const { clock, tends, shopOf, keeper } = shop()
    let answer = () => {}
    shopOf.answered = new Promise<void>((resolve) => {
      answer = resolve
    })
    const ask = async () => {
      const told = outcome(keeper.refresh())
      await settled()
      return told
    }
    const first = await ask()
    expect(clock.keptAliveBy).toBe(1)
    await clock.advance(DEADLINE_MS / 4 - 1)
    expect(tends).toHaveLength(0)
    await clock.advance(1)
    expect(tends.map(({ op }) => op.stock)).toEqual([null])
    await tends[0]!.reply()
    expect(first.value).toBeDefined()
    // The reading is under way still: it is neither waited for nor begun again.
    await ask()
    expect([tends.length, shopOf.reads]).toEqual([2, 1])
    await tends[1]!.reply()
    answer()
    await settled()
    // What it says counts, as of the question, until a later one has come.
    shopOf.answered = new Promise(() => {})
    await ask()
    await clock.advance(DEADLINE_MS / 4)
    expect(tends[2]!.op.stock).toMatchObject({ at: SERVER + 5_000, available: 5 })
    expect(shopOf.reads).toBe(2)
  })

  test.each([
    ['open', 0, 0, 0, 'sold_out'],
    ['open', 0, 1, 0, 'open'],
    ['open', 0, 1, 1, 'open'],
    ['open', 1, 1, 0, 'open'],
    ['open', 1, 0, 0, 'open'],
    ['open', 0, 0, 1, 'open'],
    ['paused', 0, 0, 0, 'sold_out'],
    ['paused', 1, 0, 0, 'closed'],
    ['not_started', 1, 0, 0, 'closed'],
    ['ended', 1, 0, 0, 'ended'],
    ['ended', 0, 0, 0, 'ended'],
  ])(
    '%s with %i available, %i held and %i in transit is %s',
    async (state, available, held, inTransit, told) => {
      const { shopOf, ask } = shop()
      Object.assign(shopOf, { state, counts: { available, held, inTransit } })
      expect(await ask()).toMatchObject({ state: told, available })
    },
  )
})

describe('listeners', () => {
  test('hear of every answer and failure until they stop, and of the end', async () => {
    const { keeper, tends } = stage()
    let heard = 0
    const stop = keeper.listen(() => heard++)
    outcome(keeper.refresh())
    await settled()
    await tends[0]!.reply({ turns: [4] })
    expect([heard, keeper.hasTurn(4), keeper.hasTurn(5)]).toEqual([1, true, false])
    outcome(keeper.refresh())
    await settled()
    await tends[1]!.fail(new StockholdError('STATE_LOST', 'lost'))
    expect(heard).toBe(2)
    keeper.stop()
    expect(heard).toBe(3)
    stop()
    keeper.stop()
    expect(heard).toBe(3)
  })
})

describe('revocations', () => {
  test('hold for the visit they name and those before it', async () => {
    const { keeper, tends } = stage()
    outcome(keeper.refresh())
    await settled()
    await tends[0]!.reply({ revoked: [{ buyer: 'ann', visitId: 5 }] })
    expect([4, 5, 6].map((visitId) => keeper.isRevoked('ann', visitId))).toEqual([true, true, false])
    expect(keeper.isRevoked('ben', 1)).toBe(false)
    keeper.revoke('ann', 4)
    expect(keeper.isRevoked('ann', 5)).toBe(true)
    keeper.revoke('ann', 6)
    expect(keeper.isRevoked('ann', 6)).toBe(true)
  })

  test('are kept while the pass could be valid, and dropped when there are many', async () => {
    const { keeper, clock } = stage()
    keeper.revoke('old', 1)
    await clock.advance(1)
    keeper.revoke('young', 1)
    await clock.advance(PASS_MS)
    for (let i = 0; i < 997; i++) keeper.revoke(`u${i}`, 1)
    expect(keeper.isRevoked('old', 1)).toBe(true)
    keeper.revoke('last', 1)
    // It ran out at this very ms: the next time.
    expect([keeper.isRevoked('old', 1), keeper.isRevoked('young', 1)]).toEqual([false, true])
    // 999 are left: with twice as many those that are over are dropped again.
    await clock.advance(PASS_MS + 1)
    for (let i = 0; i < 998; i++) keeper.revoke(`v${i}`, 1)
    expect(keeper.isRevoked('young', 1)).toBe(true)
    keeper.revoke('v998', 1)
    expect(keeper.isRevoked('young', 1)).toBe(false)
  })
})

describe('the end', () => {
  test('callers that wait are told CLOSED, and so are later ones; nothing is left', async () => {
    const { keeper, clock, tends } = stage()
    outcome(keeper.refresh())
    await settled()
    const told = [outcome(keeper.visit(visit(1))), outcome(keeper.refresh())]
    keeper.stop()
    const late = outcome(keeper.refresh())
    await settled()
    expect([...told, late].map(({ value }) => value)).toEqual(['CLOSED', 'CLOSED', 'CLOSED'])
    await tends[0]!.reply()
    await clock.advance(60_000)
    expect([clock.timers, tends.length, keeper.stopped]).toEqual([0, 1, true])
  })

  test('a room poller that only ticks stops at once', async () => {
    const { keeper, clock, tends } = stage()
    keeper.tick()
    keeper.stop()
    expect(clock.timers).toBe(0)
    keeper.tick()
    await clock.advance(60_000)
    expect([clock.timers, tends.length]).toEqual([0, 0])
  })

  test('a room poller that was stopped before its first call makes none', async () => {
    const { keeper, tends } = stage()
    const told = outcome(keeper.refresh())
    keeper.stop()
    await settled()
    expect([told.value, tends.length]).toEqual(['CLOSED', 0])
  })

  test('a handle that was closed refuses callers, and calls nothing', async () => {
    const { keeper, stageOf, tends } = stage()
    stageOf.closed = true
    const told = outcome(keeper.refresh())
    await settled()
    expect([told.value, tends.length]).toEqual(['CLOSED', 0])
  })
})
