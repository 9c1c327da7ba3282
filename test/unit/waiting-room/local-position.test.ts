import { describe, expect, onTestFinished, test } from 'vitest'
import { joined as inQueue } from '../../../scripts/lib/joined.js'
import { TOKEN } from '../../../src/engine/room.js'
import { type Engine, StockholdError, WaitingRoom, type WaitingRoomOptions } from '../../../src/index.js'
import { TestClock } from '../../support/test-clock.js'
import { SECRET } from '../../support/waiting-room.js'

const NOW = 1_767_297_600_000

/**
 * The state of a room with 100 in line behind 10 who were called, 4 of them at the door; one a
 * second, nobody near enough to be asked for.
 */
const quiet = {
  ...{
    opened: true,
    paused: false,
    closed: null as string | null,
    pace: { rate: 1_000, burst: 5 },
    tokens: 0,
  },
  ...{
    tail: 110,
    called: 10,
    reach: 10,
    present: 4,
    speed: 1_000,
    waiting: 104,
    admitted: 6,
    missedTurns: 1,
  },
  ...{ outstanding: 3, capacity: 20 as number | null, drawn: null as number | null, seed: null, doorTime: 0 },
  ...{ revision: 0, tiers: [] },
  ...{ goneVersion: 0, gone: [] as object[], turns: [] as number[], revoked: [] as object[] },
}

/** A room whose answers the test decides. */
async function opened(
  state: Partial<typeof quiet> = {},
  options: Partial<WaitingRoomOptions> = {},
  order = 'fifo',
  opensAt: number | null = null,
) {
  const clock = new TestClock(5_000)
  clock.luck = 0.5
  const all = { ...quiet, opensAt, ...state }
  const asked: [string, object][] = []
  let away: Error | undefined
  let visit: object = { status: 'waiting', number: 1, ahead: null }
  const rules = { order, opensAt, claimMs: 30_000, passMs: 300_000, sale: null, overcommit: 1_200 }
  let joined: object = { number: 30, visitId: 30, expiresAt: null }
  const answers: Record<string, (op: never) => object> = {
    describe: () => ({ status: 'described', incarnation: 'incarnation', rules, commitment: 'c' }),
    join: () => ({ status: 'placed', ...joined }),
    tend: ({ visits }: { visits: readonly object[] }) => ({
      status: 'tended',
      ...all,
      visits: visits.map(() => visit),
    }),
    leave: () => ({ status: 'left' }),
    revoke: () => ({ status: 'revoked' }),
    spend: () => ({ status: 'spent' }),
    control: () => ({ status: 'controlled' }),
  }
  const port = {
    ready: () => undefined,
    async run(command: string, ops: readonly object[]) {
      for (const op of ops) asked.push([command, op])
      if (away) throw away
      return {
        outcome: 'done',
        now: NOW + clock.now(),
        clock: NOW + clock.now(),
        sequence: 1,
        answers: ops.map((op) => answers[command]!(op as never)),
      }
    },
  }
  const engine = {
    clock,
    elapsed: () => clock.now(),
    room: () => port,
    partition: () => port,
    close: async () => {},
  } as unknown as Engine
  const room = new WaitingRoom('launch', { secret: SECRET, ratePerSecond: 1, ...options, engine })
  onTestFinished(() => room.close())
  /** What comes of a call, with all the time it needs. */
  const of = async <T>(call: Promise<T>): Promise<T> => {
    const [result] = await Promise.allSettled([call, clock.advance(1)])
    if (result!.status === 'rejected') throw result!.reason
    return result!.value as T
  }
  const ticketAt = async (number: number, visitId = number) => {
    joined = { number, visitId, expiresAt: null }
    return (await of(inQueue(room.join(`u${visitId}`)))).ticket
  }
  return {
    ...{ room, clock, asked, of, ticketAt, state: all },
    calls: (command: string) => asked.filter(([name]) => name === command).length,
    fail: (error: Error | undefined) => {
      away = error
    },
    answerVisits: (answer: object) => {
      visit = answer
    },
    answerJoins: (answer: object) => {
      joined = answer
    },
  }
}

describe('the position', () => {
  test('is the position behind the visitors present and those before in the queue', async () => {
    const { room, of, ticketAt } = await opened()
    for (const [number, position] of [
      [11, 5],
      [30, 24],
      [110, 104],
    ] as const)
      expect(await of(room.poll(await ticketAt(number)))).toMatchObject({
        status: 'waiting',
        position,
        etaMs: position * 1_000,
      })
  })

  test('counts no visitor who has left', async () => {
    // Numbers 20 and 21 gave up.
    const { room, of, ticketAt } = await opened({
      goneVersion: 1,
      gone: [{ index: 0, bits: Buffer.from([0, 0, 0b0000_1100]) }],
    })
    expect(await of(room.poll(await ticketAt(19)))).toMatchObject({ position: 13 })
    expect(await of(room.poll(await ticketAt(30)))).toMatchObject({ position: 22 })
    await expect(of(room.poll(await ticketAt(20)))).rejects.toMatchObject({ code: 'TICKET_INVALID' })
  })

  test('of a visitor who was called is behind the visitors present in front', async () => {
    const { room, of, ticketAt, answerVisits } = await opened()
    answerVisits({ status: 'waiting', number: 7, ahead: 2 })
    const ticket = await ticketAt(7)
    expect(await of(room.poll(ticket))).toMatchObject({ position: 3 })
    answerVisits({ status: 'waiting', number: 7, ahead: null })
    expect(await of(room.poll(ticket))).toMatchObject({ position: 1 })
  })

  test.each([
    ['the last visitor called', 10, 0, 1],
    ['the last visitor called, behind three', 10, 3, 4],
    ['the first visitor not called yet', 11, null, 5],
  ])('of %s', async (_, number, ahead, position) => {
    const { room, of, ticketAt, answerVisits } = await opened({ reach: 74 })
    answerVisits({ status: 'waiting', number, ahead })
    expect(await of(room.poll(await ticketAt(number)))).toMatchObject({ position })
  })

  test('of a visitor who joins again and was called: as it was told last, or behind all others present', async () => {
    const { room, of, answerJoins, answerVisits } = await opened()
    answerJoins({ number: 7, visitId: 7, expiresAt: null })
    const { ticket, position } = await of(inQueue(room.join('u7')))
    expect(position).toBe(4)
    answerVisits({ status: 'waiting', number: 7, ahead: 1 })
    await of(room.poll(ticket))
    expect((await of(inQueue(room.join('u7')))).position).toBe(2)
    answerVisits({ status: 'waiting', number: 7, ahead: 3 })
    await of(room.poll(ticket))
    expect((await of(inQueue(room.join('u7')))).position).toBe(4)
  })

  test('of the only visitor present is 1', async () => {
    const { room, of, answerJoins } = await opened({ present: 0 })
    answerJoins({ number: 7, visitId: 7, expiresAt: null })
    expect((await of(inQueue(room.join('u7')))).position).toBe(1)
  })

  test('of a visitor with a pass is 0', async () => {
    const { room, of, answerJoins } = await opened()
    answerJoins({ number: 7, visitId: 7, expiresAt: NOW + 10_000 })
    expect(await of(inQueue(room.join('u7')))).toMatchObject({ position: 0, etaMs: 0, pollAfterMs: 0 })
  })

  test('before a draw is the last of all who wait, and 1 at least', async () => {
    for (const [waiting, position] of [
      [104, 104],
      [0, 1],
    ] as const) {
      const { room, of, ticketAt } = await opened({ opened: false, waiting }, {}, 'random', NOW + 100_000)
      expect(await of(room.poll(await ticketAt(30)))).toMatchObject({ position })
    }
  })

  test('before it opens: the time until then comes on top', async () => {
    const { room, of, ticketAt } = await opened({ opened: false }, {}, 'fifo', NOW + 105_000)
    const { etaMs } = (await of(room.poll(await ticketAt(30)))) as { etaMs: number }
    expect(Math.round(etaMs / 1_000)).toBe(100 + 24)
  })
})

describe('the stock', () => {
  test('will likely be sold out before those beyond what passes may still be given', async () => {
    // 17 more: the position of number 23 is 17.
    const { room, of, ticketAt } = await opened()
    expect(await of(room.poll(await ticketAt(23)))).toMatchObject({ position: 17, soldOutLikely: false })
    expect(await of(room.poll(await ticketAt(24)))).toMatchObject({ position: 18, soldOutLikely: true })
  })

  test('of a room without a sale will not be', async () => {
    const { room, of, ticketAt } = await opened({ capacity: null })
    expect(await of(room.poll(await ticketAt(110)))).toMatchObject({ soldOutLikely: false })
  })

  test('is gone: closed, for visitors who were not called', async () => {
    const { room, of, ticketAt, calls, answerVisits } = await opened({ closed: 'sold_out', reach: 100 })
    expect(await of(room.poll(await ticketAt(11)))).toEqual({ status: 'closed', reason: 'sold_out' })
    const before = calls('tend')
    answerVisits({ status: 'admitted', number: 10, expiresAt: NOW + 60_000 })
    expect(await of(room.poll(await ticketAt(10)))).toMatchObject({ status: 'admitted' })
    expect(calls('tend')).toBeGreaterThan(before)
  })
})

describe('visitors whose poll is sent', () => {
  test('the visitors within reach, each by a visit', async () => {
    const { room, of, ticketAt, asked } = await opened({ reach: 30 })
    const visits = () =>
      asked.flatMap(([command, op]) => (command === 'tend' ? (op as { visits: object[] }).visits : []))
    await of(room.poll(await ticketAt(31)))
    expect(visits()).toEqual([])
    await of(room.poll(await ticketAt(30)))
    expect(visits()).toEqual([{ buyer: 'u30', visitId: 30, number: 30, rank: 30 }])
  })

  test('a visitor with another place by now is told of that', async () => {
    const { room, of, ticketAt, answerVisits } = await opened({ reach: 30 })
    const ticket = await ticketAt(30)
    answerVisits({ status: 'waiting', number: 60, ahead: null })
    expect(await of(room.poll(ticket))).toMatchObject({ position: 54 })
    expect(await of(room.poll(ticket))).toMatchObject({ position: 54 })
  })

  test('one whose visit has ended is told so', async () => {
    const { room, of, ticketAt, answerVisits } = await opened({ reach: 30 })
    answerVisits({ status: 'gone' })
    await expect(of(room.poll(await ticketAt(30)))).rejects.toMatchObject({ code: 'TICKET_INVALID' })
  })

  test('one that is admitted gets a pass that is good here', async () => {
    const { room, of, ticketAt, answerVisits } = await opened({ reach: 30 })
    answerVisits({ status: 'admitted', number: 30, expiresAt: NOW + 100_000 })
    const result = await of(room.poll(await ticketAt(30)))
    expect(result).toMatchObject({ status: 'admitted', expiresAt: NOW + 100_000 })
    const { pass } = result as { pass: string }
    expect(room.verify(pass, { buyer: 'u30' })).toMatchObject({ visitId: 30 })
    expect(() => room.verify(pass, { buyer: 'u31' })).toThrow()
  })
})

describe('while the engine is away', () => {
  const away = new StockholdError('UNAVAILABLE', 'away')

  test('what was told is told again, with a longer wait', async () => {
    const { room, of, ticketAt, fail, clock } = await opened()
    const ticket = await ticketAt(30)
    const told = (await of(room.poll(ticket))) as { pollAfterMs: number }
    fail(away)
    await clock.advance(10_000)
    const held = (await of(room.poll(ticket))) as { pollAfterMs: number }
    expect(held).toMatchObject({ status: 'waiting', position: 24, soldOutLikely: true })
    expect(held.pollAfterMs).toBe(3 * told.pollAfterMs)
  })

  test('a visitor who was never told anything hears the position in the queue', async () => {
    const { room, of, fail, clock, ticketAt } = await opened()
    const ticket = await ticketAt(30)
    fail(away)
    await clock.advance(10_000)
    expect(await of(room.poll(ticket))).toMatchObject({ status: 'waiting', position: 24 })
  })

  test('a closed room stays closed, but for visitors who were called', async () => {
    const { room, of, ticketAt, fail, clock } = await opened({ closed: 'ended' })
    const [called, behind] = [await ticketAt(10), await ticketAt(11)]
    fail(away)
    await clock.advance(10_000)
    expect(await of(room.poll(behind))).toEqual({ status: 'closed', reason: 'ended' })
    expect(await of(room.poll(called))).toMatchObject({ status: 'waiting' })
  })

  test("with 'refuse' it is refused, and so is what will not pass by itself", async () => {
    for (const [options, error] of [
      [{ onUnavailable: 'refuse' }, away],
      [{}, new StockholdError('STATE_LOST', 'lost')],
    ] as const) {
      const { room, of, ticketAt, fail, clock } = await opened({}, options)
      const ticket = await ticketAt(30)
      fail(error)
      await clock.advance(10_000)
      await expect(of(room.poll(ticket))).rejects.toMatchObject({ code: error.code })
    }
  })
})

describe('figures', () => {
  test('are of the room, a second and a token as people count them', async () => {
    const { room, of } = await opened({ tokens: 2.5 * TOKEN, pace: { rate: 2_500, burst: 5 }, speed: 1_500 })
    expect(await of(room.stats())).toEqual({
      ...{ state: 'open', waiting: 104, admitted: 6, missedTurns: 1, outstanding: 3, capacity: 20 },
      ...{ ratePerSecond: 2.5, burst: 5, tokens: 2.5, turnsPerSecond: 1.5, draw: null },
      ...{ maxActive: undefined, opensAt: null, tiers: [] },
    })
  })

  test.each([
    [{ opened: false }, 'not_open'],
    [{ paused: true }, 'paused'],
    [{ opened: false, paused: true }, 'not_open'],
    [{ closed: 'sold_out', paused: true }, 'sold_out'],
  ])('%j is %s', async (state, told) => {
    const { room, of } = await opened(state)
    expect((await of(room.stats())).state).toBe(told)
  })

  test('of a draw: what it was committed to, and what it was', async () => {
    const { room, of } = await opened({ drawn: 40 }, {}, 'random')
    expect((await of(room.stats())).draw).toEqual({ commitment: 'c', seed: null, count: 40 })
  })
})

describe('commands', () => {
  test('say what is to be changed', async () => {
    const { room, of, asked } = await opened()
    await of(room.setRate(2.5))
    await of(room.setRate(1, { burst: 7 }))
    await of(room.pause())
    await of(room.resume())
    expect(asked.filter(([command]) => command === 'control').map(([, op]) => op)).toEqual([
      { action: 'pace', rate: 2_500, burst: null },
      { action: 'pace', rate: 1_000, burst: 7 },
      { action: 'pause' },
      { action: 'resume' },
    ])
  })

  test.each(['pause', 'resume', 'setRate'] as const)(
    '%s: who asks after it hears of it, though what is known is fresh and calls are scarce',
    async (command) => {
      const { room, of, ticketAt, calls } = await opened()
      const ticket = await ticketAt(30)
      const tends = async () => {
        const before = calls('tend')
        await of(room.poll(ticket))
        return calls('tend') - before
      }
      while ((await tends()) > 0);
      expect(await tends()).toBe(0)
      await of(command === 'setRate' ? room.setRate(3) : room[command]())
      expect(await tends()).toBe(1)
    },
  )

  test('a join is placed by what is known then, not by what was known a ms before', async () => {
    const { room, of, calls } = await opened()
    await of(room.join('u1'))
    const before = calls('tend')
    await of(room.join('u2'))
    expect(calls('tend')).toBe(before + 1)
  })

  test('that end a stay, or a pass, name it; what is known is out of date then', async () => {
    const { room, of, ticketAt, asked, calls, clock } = await opened()
    const ticket = await ticketAt(30)
    expect(await of(room.leave(ticket))).toEqual({ left: true })
    expect(asked.at(-1)).toEqual(['leave', { buyer: 'u30', visitId: 30 }])
    const before = calls('tend')
    expect(await of(room.revoke('u30'))).toEqual({ revoked: true })
    expect(asked.find(([command]) => command === 'revoke')).toEqual(['revoke', { buyer: 'u30' }])
    await clock.advance(100)
    expect(calls('tend')).toBeGreaterThan(before)
  })

  test('a pass that was used makes room, also where no call waits for the answer', async () => {
    const { room, of, ticketAt, asked, answerVisits, fail } = await opened({ reach: 30 })
    answerVisits({ status: 'admitted', number: 30, expiresAt: NOW + 100_000 })
    const { pass } = (await of(room.poll(await ticketAt(30)))) as { pass: string }
    const admission = await of(room.enter(pass, 'u30'))
    admission.spend()
    await of(Promise.resolve())
    expect(asked.at(-1)).toEqual(['spend', { buyer: 'u30', visitId: 30 }])
    fail(new StockholdError('UNAVAILABLE', 'away'))
    admission.spend()
    await of(Promise.resolve())
    await room.close()
    const before = asked.length
    admission.spend()
    await of(Promise.resolve())
    expect(asked).toHaveLength(before)
  })

  test('a pass is accepted once revocations are known up to a second ago', async () => {
    const { room, of, ticketAt, answerVisits, calls, clock, fail } = await opened({ reach: 30 })
    answerVisits({ status: 'admitted', number: 30, expiresAt: NOW + 100_000 })
    const { pass } = (await of(room.poll(await ticketAt(30)))) as { pass: string }
    const before = calls('tend')
    await of(room.enter(pass, 'u30'))
    expect(calls('tend')).toBe(before)
    fail(new StockholdError('UNAVAILABLE', 'away'))
    await clock.advance(2_000)
    await expect(of(room.enter(pass, 'u30'))).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  })
})
