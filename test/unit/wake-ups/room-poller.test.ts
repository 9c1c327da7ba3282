import { describe, expect, test } from 'vitest'
import { StockholdError } from '../../../src/errors.js'
import {
  DEADLINE_MS,
  outcome,
  SERVER,
  keeperStage as stage,
  visit,
  waiting,
} from '../../support/room-poller-stage.js'
import { settled } from '../../support/test-clock.js'

describe('a caller that waits', () => {
  test('is answered by a call of the same turn while it is quiet, and others of that turn by the same', async () => {
    const { keeper, tends } = stage()
    const told = [keeper.visit(visit(1)), keeper.visit(visit(2)), keeper.refresh()]
    await settled()
    expect(tends.map(({ op }) => op.visits)).toEqual([[visit(1), visit(2)]])
    await tends[0]!.reply({ tail: 9 })
    expect(await Promise.all(told)).toMatchObject([waiting(1), waiting(2), { tail: 9 }])
  })

  test('a poll that comes while a call is out goes with the next one, which follows at once', async () => {
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
      outcome(keeper.refresh())
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
    outcome(keeper.refresh())
    await settled()
    expect(clock.due).toEqual([DEADLINE_MS - 100, DEADLINE_MS - 100, DEADLINE_MS])
  })

  test('a poll before the next tick brings it forward: nothing is left of the later one', async () => {
    const { keeper, tends, clock } = stage()
    outcome(keeper.refresh())
    await settled()
    await tends[0]!.reply()
    expect(clock.timers).toBe(1)
    outcome(keeper.refresh())
    // The caller's deadline.
    expect(clock.due).toEqual([DEADLINE_MS])
    await settled()
    await tends[1]!.reply()
    for (let i = 2; i < 40; i++) {
      outcome(keeper.refresh())
      await settled()
      await tends[i]!.reply()
    }
    expect(clock.timers).toBe(1)
    outcome(keeper.refresh())
    expect(clock.due).toEqual([100, DEADLINE_MS])
  })

  test('whose deadline has passed, or is now, is UNAVAILABLE at once, and no call is made for it', async () => {
    const { keeper, clock, tends } = stage()
    const told = [clock.now() - 5, clock.now()].map((deadline) => outcome(keeper.refresh({ deadline })))
    await settled()
    expect(tends).toEqual([])
    expect(told.map(({ value }) => value)).toEqual(['UNAVAILABLE', 'UNAVAILABLE'])
  })

  test('is UNAVAILABLE at the deadline, and not a ms before, though the engine never answers', async () => {
    const { keeper, clock } = stage()
    const told = [outcome(keeper.visit(visit(1))), outcome(keeper.refresh())]
    await clock.advance(DEADLINE_MS - 1)
    expect(told.map(({ value }) => value)).toEqual([undefined, undefined])
    expect(clock.keptAliveBy).toBe(2)
    await clock.advance(1)
    expect(told.map(({ value }) => value)).toEqual(['UNAVAILABLE', 'UNAVAILABLE'])
    expect(clock.timers).toBe(0)
  })

  test('is told at the deadline of a failure that lasts, and not of one that is over', async () => {
    const { keeper, tends, clock } = stage()
    outcome(keeper.refresh())
    await settled()
    await tends[0]!.fail(new StockholdError('UNAVAILABLE', 'an hour ago'))
    await clock.advance(100)
    await tends[1]!.reply()
    const told = keeper.refresh().catch((error) => error.cause.message)
    await clock.advance(DEADLINE_MS)
    expect(await told).toBe('The call to it is under way.')
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
  ])('a caller whose call is due later keeps the process alive by it: %s', async (_, active, look) => {
    const { keeper, tends, clock } = stage()
    if (active) keeper.markActive()
    for (let i = 0; i < 40; i++) {
      outcome(keeper.refresh())
      await settled()
      await tends[i]!.reply()
    }
    expect([clock.due, clock.keptAliveBy]).toEqual([[look], 0])
    const set = clock.everSet
    outcome(keeper.refresh())
    await settled()
    expect([clock.due, clock.keptAliveBy]).toEqual([[100, DEADLINE_MS], 2])
    expect(clock.everSet - set).toBe(active ? 1 : 2)
  })
})

describe('looking around', () => {
  test('comes every 500 ms when no visitor is active, and keeps no process alive', async () => {
    const { keeper, clock, serve } = stage()
    keeper.tick()
    keeper.tick()
    expect([clock.timers, clock.keptAliveBy]).toEqual([1, 0])
    expect(await serve(1_600)).toEqual([500, 1_000, 1_500])
  })

  test('comes every 100 ms for a minute after a visitor was active, and then every 500 ms again', async () => {
    const { keeper, serve } = stage()
    keeper.markActive()
    keeper.tick()
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
    outcome(keeper.refresh())
    await settled()
    await tends[0]!.reply({ pace: { rate, burst } })
    keeper.markActive()
    await serve(600, { pace: { rate, burst } })
    const at = tends.map((tend) => tend.at)
    expect(at.at(-1)! - at.at(-2)!).toBe(ms)
  })

  test('tells the engine what is known, and asks for what is not', async () => {
    const { keeper, tends, clock } = stage()
    outcome(keeper.refresh())
    await settled()
    expect(tends[0]!.op).toMatchObject({
      ...{ visits: [], stock: null, goneVersion: 0, turnsSince: 0, revokedSince: 0, drawn: null },
    })
    const heard = SERVER + clock.now()
    await tends[0]!.reply({ drawn: 0, seed: 'x' })
    outcome(keeper.refresh())
    await settled()
    expect(tends[1]!.op).toMatchObject({ goneVersion: 3, turnsSince: 7, revokedSince: heard, drawn: 0 })
  })
})

describe('while the engine is away', () => {
  const away = new StockholdError('UNAVAILABLE', 'away')

  test('callers are refused at once, and it is tried again after 100, 200, 400 ms and so on, up to 2 s', async () => {
    const { keeper, tends, clock } = stage()
    const first = outcome(keeper.refresh())
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
    outcome(keeper.refresh())
    await settled()
    await tends.at(-1)!.fail(away)
    expect(clock.due[0]).toBe(100)
  })

  test('what waits for the next call is refused with the one that fails', async () => {
    const { keeper, tends } = stage()
    outcome(keeper.refresh())
    await settled()
    const next = [outcome(keeper.refresh()), outcome(keeper.visit(visit(1)))]
    await tends[0]!.fail(away)
    expect(next.map(({ value }) => value)).toEqual(['UNAVAILABLE', 'UNAVAILABLE'])
    expect(tends).toHaveLength(1)
  })

  test('a room that cannot be learned is not asked anything', async () => {
    const { keeper, stageOf, tends } = stage()
    stageOf.room = () => Promise.reject(new StockholdError('NOT_FOUND', 'none'))
    const told = outcome(keeper.refresh())
    await settled()
    expect([told.value, tends.length]).toEqual(['NOT_FOUND', 0])
  })

  test('a failure that is final is told as it is, and the next caller asks again at once', async () => {
    const { keeper, tends } = stage()
    for (let i = 0; i < 2; i++) {
      const told = outcome(keeper.refresh())
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
      const told = Promise.allSettled([keeper.refresh(), keeper.refresh()])
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
    const told = expect(keeper.refresh()).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      cause: { code: 'UNKNOWN_OUTCOME' },
    })
    await settled()
    await tends[0]!.fail(new StockholdError('UNKNOWN_OUTCOME', 'lost'))
    await told
  })
})
