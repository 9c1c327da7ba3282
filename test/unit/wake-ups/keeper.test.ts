import { describe, expect, test } from 'vitest'
import { Keeper } from '../../../src/admission/keeper.js'
import type { RoomAccess } from '../../../src/admission/room-access.js'
import type { RoomOp, RoomState, Visit, VisitAnswer } from '../../../src/engine/room.js'
import { StockholdError } from '../../../src/errors.js'
import type { FlashSale } from '../../../src/sale/flash-sale.js'
import { settled, TestClock } from '../../support/test-clock.js'

const SERVER = 1_700_000_000_000
const DEADLINE_MS = 2_000
const PASS_MS = 10_000

interface Tend {
  readonly at: number
  readonly op: RoomOp<'tend'>
  reply(state?: Partial<RoomState>, visits?: readonly VisitAnswer[]): Promise<void>
  fail(error: unknown): Promise<void>
}

const visit = (number: number): Visit => ({ buyer: `u${number}`, stay: number, number, rank: number })
const waiting = (number: number): VisitAnswer => ({ status: 'waiting', number, ahead: null })

/** A keeper on a clock of its own, over a room that only notes how it is tended. */
function stage({ sale }: { sale?: FlashSale } = {}) {
  const clock = new TestClock(5_000)
  const tends: Tend[] = []
  const stageOf = { closed: false, elapsed: () => clock.now(), room: async () => {} }
  const access = {
    timing: clock,
    elapsed: () => stageOf.elapsed(),
    now: () => SERVER + clock.now(),
    get heardNow() {
      return SERVER + clock.now()
    },
    known: { rules: { passMs: PASS_MS } },
    get closed() {
      return stageOf.closed
    },
    deadline: () => clock.now() + DEADLINE_MS,
    limits: () => ({ deadline: clock.now() + DEADLINE_MS }),
    room: () => stageOf.room(),
    ask: (_command: string, op: RoomOp<'tend'>) =>
      new Promise((resolve, reject) => {
        tends.push({
          at: clock.now() - 5_000,
          op,
          reply: (state = {}, visits = op.visits.map(({ number }) => waiting(number))) => {
            const room = {
              pace: { rate: 1_000, burst: 1 },
              closed: null,
              drawn: null,
              seed: null,
              doorTime: 7,
            }
            resolve({ ...room, goneVersion: 3, gone: [], turns: [], revoked: [], ...state, visits })
            return settled()
          },
          fail: (error) => {
            reject(error)
            return settled()
          },
        })
      }),
  } as unknown as RoomAccess
  const keeper = new Keeper(access, sale)
  /** Answers each tend as it comes, for so many ms; answers when they came. */
  const serve = async (ms: number, state: Partial<RoomState> = {}): Promise<number[]> => {
    const first = tends.length
    let answered = first
    for (let end = clock.now() + ms; clock.now() < end; ) {
      await clock.advance(Math.min(clock.due[0] ?? ms, end - clock.now()))
      while (answered < tends.length) await tends[answered++]!.reply(state)
    }
    return tends.slice(first).map(({ at }) => at)
  }
  return { clock, tends, keeper, access, stageOf, serve }
}

const outcome = (promise: Promise<unknown>) => {
  const told: { value?: unknown } = {}
  promise.then(
    (value) => {
      told.value = value
    },
    (error) => {
      told.value = error.code ?? error
    },
  )
  return told
}

describe('a caller who waits', () => {
  test('is answered by a call of the same turn while it is quiet, and others of that turn by the same', async () => {
    const { keeper, tends } = stage()
    const told = [keeper.visit(visit(1)), keeper.visit(visit(2)), keeper.fresh()]
    await settled()
    expect(tends.map(({ op }) => op.visits)).toEqual([[visit(1), visit(2)]])
    await tends[0]!.reply({ tail: 9 })
    expect(await Promise.all(told)).toMatchObject([waiting(1), waiting(2), { tail: 9 }])
  })

  test('who comes while a call is out goes with the next one, which follows at once', async () => {
    const { keeper, tends, clock } = stage()
    void keeper.visit(visit(1))
    await settled()
    const later = outcome(keeper.visit(visit(2)))
    await settled()
    expect(tends).toHaveLength(1)
    await tends[0]!.reply()
    expect(tends.map(({ op }) => op.visits)).toEqual([[visit(1)], [visit(2)]])
    await tends[1]!.reply()
    expect(later.value).toEqual(waiting(2))
    expect(clock.keptAliveBy).toBe(0)
  })

  test('may make 40 calls at once after a quiet time, and then one in 100 ms', async () => {
    const { keeper, tends, clock } = stage()
    for (let i = 0; i < 42; i++) {
      outcome(keeper.fresh())
      await settled()
      if (tends.length > i) await tends[i]!.reply()
    }
    expect(tends).toHaveLength(40)
    // Two deadlines, and one next call for both.
    expect(clock.due).toEqual([100, DEADLINE_MS, DEADLINE_MS])
    await clock.advance(99)
    expect(tends).toHaveLength(40)
    await clock.advance(1)
    expect(tends).toHaveLength(41)
    // While that is out nothing else is planned.
    outcome(keeper.fresh())
    await settled()
    expect(clock.due).toEqual([DEADLINE_MS - 100, DEADLINE_MS - 100, DEADLINE_MS])
  })

  test('whose deadline has passed, or is now, is told after a ms', async () => {
    const { keeper, clock } = stage()
    const told = [clock.now() - 5, clock.now()].map((deadline) => outcome(keeper.fresh(0, deadline)))
    expect(clock.due).toEqual([1, 1])
    await clock.advance(1)
    expect(told.map(({ value }) => value)).toEqual(['UNAVAILABLE', 'UNAVAILABLE'])
  })

  test('is UNAVAILABLE at the deadline, and not a ms before, though the engine never answers', async () => {
    const { keeper, clock } = stage()
    const told = [outcome(keeper.visit(visit(1))), outcome(keeper.fresh())]
    await clock.advance(DEADLINE_MS - 1)
    expect(told.map(({ value }) => value)).toEqual([undefined, undefined])
    expect(clock.keptAliveBy).toBe(2)
    await clock.advance(1)
    expect(told.map(({ value }) => value)).toEqual(['UNAVAILABLE', 'UNAVAILABLE'])
    expect(clock.timers).toBe(0)
  })

  test('leaves no timer that keeps the process alive behind an answer or a failure', async () => {
    const { keeper, tends, clock } = stage()
    for (const end of [
      () => tends.at(-1)!.reply(),
      () => tends.at(-1)!.fail(new StockholdError('UNAVAILABLE', '')),
    ]) {
      const told = outcome(keeper.visit(visit(1)))
      await settled()
      expect(clock.keptAliveBy).toBe(1)
      await end()
      expect(told.value).toBeDefined()
      expect(clock.keptAliveBy).toBe(0)
    }
  })

  test.each([
    ['the next look is due as soon', true, 100],
    ['the next look is due later', false, 500],
  ])('who waits for a call that is due later keeps the process alive by it: %s', async (_, active, look) => {
    const { keeper, tends, clock } = stage()
    if (active) keeper.touch()
    for (let i = 0; i < 40; i++) {
      outcome(keeper.fresh())
      await settled()
      await tends[i]!.reply()
    }
    expect([clock.due, clock.keptAliveBy]).toEqual([[look], 0])
    const set = clock.everSet
    outcome(keeper.fresh())
    await settled()
    expect([clock.due, clock.keptAliveBy]).toEqual([[100, DEADLINE_MS], 2])
    expect(clock.everSet - set).toBe(active ? 1 : 2)
  })
})

describe('looking around', () => {
  test('comes every 500 ms when no visitor is active, and keeps no process alive', async () => {
    const { keeper, clock, serve } = stage()
    keeper.lookAround()
    keeper.lookAround()
    expect([clock.timers, clock.keptAliveBy]).toEqual([1, 0])
    expect(await serve(1_600)).toEqual([500, 1_000, 1_500])
  })

  test('comes every 100 ms for a minute after a visitor was active, and then every 500 ms again', async () => {
    const { keeper, serve } = stage()
    keeper.touch()
    keeper.lookAround()
    const at = await serve(61_000)
    expect(at.slice(0, 3)).toEqual([100, 200, 300])
    // Touched when the clock was read for the first time: at 0.
    expect(at.filter((ms) => ms <= 60_000)).toHaveLength(600)
    expect(at.filter((ms) => ms > 60_000)).toEqual([60_500, 61_000])
  })

  test.each([
    [1_000, 1, 100],
    [62_500, 1, 10],
    [10_000, 1, 50],
    [10_000, 2, 100],
    [0, 1, 100],
  ])('at %i tokens a 1,000 s and a burst of %i every %i ms', async (rate, burst, ms) => {
    const { keeper, tends, serve } = stage()
    outcome(keeper.fresh())
    await settled()
    await tends[0]!.reply({ pace: { rate, burst } })
    keeper.touch()
    await serve(600, { pace: { rate, burst } })
    const at = tends.map((tend) => tend.at)
    expect(at.at(-1)! - at.at(-2)!).toBe(ms)
  })

  test('tells the engine what is known, and asks for what is not', async () => {
    const { keeper, tends, clock } = stage()
    outcome(keeper.fresh())
    await settled()
    expect(tends[0]!.op).toMatchObject({
      ...{ visits: [], stock: null, goneVersion: 0, turnsSince: 0, revokedSince: 0, drawn: null },
    })
    const heard = SERVER + clock.now()
    await tends[0]!.reply({ drawn: 0, seed: 'x' })
    outcome(keeper.fresh())
    await settled()
    expect(tends[1]!.op).toMatchObject({ goneVersion: 3, turnsSince: 7, revokedSince: heard, drawn: 0 })
  })
})

describe('while the engine is away', () => {
  const away = new StockholdError('UNAVAILABLE', 'away')

  test('callers are refused at once, and it is tried again after 100, 200, 400 ms and so on, up to 2 s', async () => {
    const { keeper, tends, clock } = stage()
    const first = outcome(keeper.fresh())
    await settled()
    await tends[0]!.fail(away)
    expect([first.value, keeper.away]).toEqual(['UNAVAILABLE', true])
    const pauses: number[] = []
    for (let i = 1; i < 8; i++) {
      const refused = outcome(keeper.visit(visit(1)))
      await settled()
      expect([refused.value, tends.length]).toEqual(['UNAVAILABLE', i])
      pauses.push(clock.due[0]!)
      await clock.advance(clock.due[0]!)
      await tends[i]!.fail(away)
    }
    expect(pauses).toEqual([100, 200, 400, 800, 1_600, 2_000, 2_000])
    await clock.advance(2_000)
    await tends.at(-1)!.reply()
    expect(keeper.away).toBe(false)
    // From the beginning, next time.
    outcome(keeper.fresh())
    await settled()
    await tends.at(-1)!.fail(away)
    expect(clock.due[0]).toBe(100)
  })

  test('what waits for the next call is refused with the one that fails', async () => {
    const { keeper, tends } = stage()
    outcome(keeper.fresh())
    await settled()
    const next = [outcome(keeper.fresh()), outcome(keeper.visit(visit(1)))]
    await tends[0]!.fail(away)
    expect(next.map(({ value }) => value)).toEqual(['UNAVAILABLE', 'UNAVAILABLE'])
    expect(tends).toHaveLength(1)
  })

  test('a room that cannot be learned is not asked anything', async () => {
    const { keeper, stageOf, tends } = stage()
    stageOf.room = () => Promise.reject(new StockholdError('SALE_NOT_FOUND', 'none'))
    const told = outcome(keeper.fresh())
    await settled()
    expect([told.value, tends.length]).toEqual(['SALE_NOT_FOUND', 0])
  })

  test('a failure that is final is told as it is, and the next caller asks again at once', async () => {
    const { keeper, tends } = stage()
    for (let i = 0; i < 2; i++) {
      const told = outcome(keeper.fresh())
      await settled()
      await tends[i]!.fail(new StockholdError('STATE_LOST', 'lost'))
      expect([told.value, keeper.away]).toEqual(['STATE_LOST', false])
    }
  })

  test('each caller is told by an error of its own; what is no error of this library is told as it is', async () => {
    const { keeper, tends } = stage()
    const causes = [
      new StockholdError('STATE_LOST', 'lost', { cause: 'why' }),
      new TypeError('bug', { cause: 'why' }),
    ]
    for (const [i, failure] of causes.entries()) {
      const told = Promise.allSettled([keeper.fresh(), keeper.fresh()])
      await settled()
      await tends[i]!.fail(failure)
      const errors = (await told).map((result) => (result as PromiseRejectedResult).reason)
      for (const error of errors)
        expect(error).toMatchObject({ message: failure.message, cause: failure.cause })
      expect(errors[0] === errors[1]).toBe(failure instanceof TypeError)
    }
  })

  test('an unknown outcome is UNAVAILABLE, with its cause', async () => {
    const { keeper, tends } = stage()
    const told = expect(keeper.fresh()).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      cause: { code: 'UNKNOWN_OUTCOME' },
    })
    await settled()
    await tends[0]!.fail(new StockholdError('UNKNOWN_OUTCOME', 'lost'))
    await told
  })
})

describe('how old a state is', () => {
  /** A keeper whose state was asked for 30 ms before its answer. */
  async function known() {
    const all = stage()
    const { keeper, tends, clock } = all
    outcome(keeper.fresh())
    await settled()
    await clock.advance(30)
    await tends[0]!.reply({ tail: 1 })
    return all
  }

  test('counts from the question: known up to its last ms', async () => {
    const { keeper, clock } = await known()
    expect([29, 30].map((age) => keeper.knows(age))).toEqual([false, true])
    await clock.advance(20)
    expect([49, 50].map((age) => keeper.knows(age))).toEqual([false, true])
  })

  test('a state that is fresh enough is told without a call, and one that is a ms older is not', async () => {
    const { keeper, tends } = await known()
    expect(await keeper.fresh(30)).toMatchObject({ tail: 1 })
    await settled()
    expect(tends).toHaveLength(1)
    outcome(keeper.fresh(29))
    await settled()
    expect(tends).toHaveLength(2)
  })

  test('a state of less than a ms is fresh for who asks for one of a ms, and for no other', async () => {
    const { keeper, tends } = stage()
    for (const expected of [1, 2]) {
      outcome(keeper.fresh())
      await settled()
      await tends.at(-1)!.reply()
      expect(tends).toHaveLength(expected)
      await keeper.fresh(1)
      await settled()
      expect(tends).toHaveLength(expected)
    }
  })

  test('a clock that stood still makes no state younger: the other one counts', async () => {
    const { keeper, stageOf, clock } = await known()
    const asked = clock.now() - 30
    stageOf.elapsed = () => asked + 100
    expect([99, 100].map((age) => keeper.knows(age))).toEqual([false, true])
  })

  test('is recent up to 250 ms while calls are scarce, and never while one more is cheap', async () => {
    const { keeper, tends, clock } = await known()
    expect(keeper.recent()).toBeUndefined()
    for (let i = 1; i < 24; i++) {
      outcome(keeper.fresh())
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
    expect(keeper.knows(1e9)).toBe(false)
    outcome(keeper.fresh())
    await settled()
    keeper.forget()
    await tends[1]!.reply()
    expect(keeper.knows(1e9)).toBe(false)
    outcome(keeper.fresh())
    await settled()
    await tends[2]!.reply()
    expect(keeper.knows(0)).toBe(true)
  })
})

test('a draw that a tend tells of is known to the queue', async () => {
  const { keeper, tends } = stage()
  outcome(keeper.fresh())
  await settled()
  await tends[0]!.reply({ drawn: 0, seed: 'x' })
  expect(keeper.line.isDrawn).toBe(true)
})

describe('the stock of a sale', () => {
  /** Answers what is left, or fails, and counts. */
  function shop() {
    const counts = { available: 5, held: 0, inTransit: 0 }
    const shopOf = { reads: 0, fails: undefined as unknown, counts, state: 'open' }
    const sale = {
      stats: async () => {
        shopOf.reads++
        if (shopOf.fails) throw shopOf.fails
        return { state: shopOf.state, skus: { a: shopOf.counts } }
      },
    } as unknown as FlashSale
    const all = stage({ sale })
    const ask = async () => {
      outcome(all.keeper.fresh())
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
    outcome(keeper.fresh())
    await settled()
    await tends[0]!.reply({ turns: [4] })
    expect([heard, keeper.hasTurn(4), keeper.hasTurn(5)]).toEqual([1, true, false])
    outcome(keeper.fresh())
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
  test('hold for the stay they name and those before it', async () => {
    const { keeper, tends } = stage()
    outcome(keeper.fresh())
    await settled()
    await tends[0]!.reply({ revoked: [{ buyer: 'ann', stay: 5 }] })
    expect([4, 5, 6].map((stay) => keeper.isRevoked('ann', stay))).toEqual([true, true, false])
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
  test('callers who wait are told CLOSED, and so are those who come later; nothing is left', async () => {
    const { keeper, clock, tends } = stage()
    outcome(keeper.fresh())
    await settled()
    const told = [outcome(keeper.visit(visit(1))), outcome(keeper.fresh())]
    keeper.stop()
    const late = outcome(keeper.fresh())
    await settled()
    expect([...told, late].map(({ value }) => value)).toEqual(['CLOSED', 'CLOSED', 'CLOSED'])
    await tends[0]!.reply()
    await clock.advance(60_000)
    expect([clock.timers, tends.length, keeper.stopped]).toEqual([0, 1, true])
  })

  test('a keeper that only looks around stops at once', async () => {
    const { keeper, clock, tends } = stage()
    keeper.lookAround()
    keeper.stop()
    expect(clock.timers).toBe(0)
    keeper.lookAround()
    await clock.advance(60_000)
    expect([clock.timers, tends.length]).toEqual([0, 0])
  })

  test('a keeper that was stopped before its first call makes none', async () => {
    const { keeper, tends } = stage()
    const told = outcome(keeper.fresh())
    keeper.stop()
    await settled()
    expect([told.value, tends.length]).toEqual(['CLOSED', 0])
  })

  test('a handle that was closed refuses callers, and calls nothing', async () => {
    const { keeper, stageOf, tends } = stage()
    stageOf.closed = true
    const told = outcome(keeper.fresh())
    await settled()
    expect([told.value, tends.length]).toEqual(['CLOSED', 0])
  })
})
