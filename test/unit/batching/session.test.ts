import { describe, expect, test } from 'vitest'
import { Session } from '../../../src/batching/session.js'
import { TestClock } from '../../support/test-clock.js'

function opened(max = 2) {
  const clock = new TestClock(1_000)
  const gate = { max, open: 0 }
  const session = new Session('the sale "s"', gate, clock)
  let changes = 0
  session.history.onChange.add(() => changes++)
  const reply = (rest: object, sentTo = session.history.incarnation) =>
    session.recordReply(
      {
        outcome: 'done',
        clock: (rest as { now?: number }).now ?? 0,
        now: 0,
        sequence: 0,
        answers: [],
        ...rest,
      } as never,
      0,
      sentTo,
    )
  const tip = (line: number, sequence: number, batchId = `${line} ${sequence}`) => ({
    generation: line,
    sequence,
    batchId,
  })
  return { clock, gate, session, reply, tip, changes: () => changes }
}

describe('calls that may be open', () => {
  test('are as many as the gate allows, over all sessions', () => {
    const { session, gate } = opened(2)
    expect([session.enter(), session.enter()]).toEqual([undefined, undefined])
    expect(session.enter()).toMatchObject({ code: 'OVERLOADED', message: expect.stringContaining('2 calls') })
    expect(gate.open).toBe(2)
    session.leave()
    expect(session.enter()).toBeUndefined()
  })
})

describe('the server time', () => {
  test('is without limit before the first reply', () => {
    expect(opened().session.time.at(5)).toBe(Number.MAX_SAFE_INTEGER)
  })

  test('is by the reply that came fastest', async () => {
    const { clock, session, reply } = opened()
    reply({ now: 50_000 })
    expect(session.time.at(clock.now())).toBe(50_000)
    await clock.advance(100)
    reply({ now: 50_090 })
    expect(session.time.at(clock.now())).toBe(50_100)
    reply({ now: 50_101 })
    expect(session.time.at(clock.now())).toBe(50_101)
    expect(session.time.at(clock.now() + 0.5)).toBe(50_101)
  })

  test('is known no better by a reply that may have been late by less than a ms', async () => {
    const { clock, session } = opened()
    const reply = (shown: number) =>
      session.recordReply(
        { outcome: 'done', clock: shown, now: shown, sequence: 0, answers: [] } as never,
        clock.now(),
      )
    reply(50_000)
    await clock.advance(0.9)
    // The same ms there, as it is shown in whole ones.
    reply(50_000)
    expect(session.time.at(clock.now() + 0.1)).toBe(50_001)
    // A ms less than that can only be a clock that was set.
    await clock.advance(0.2)
    reply(50_000)
    expect(session.time.at(clock.now())).toBe(50_000)
  })

  test('is ahead of the clock by what the latest reply says, and a deadline is a moment of the clock', async () => {
    const { clock, session, reply } = opened()
    reply({ now: 60_000, clock: 50_000 })
    expect([session.time.now, session.time.at(clock.now())]).toEqual([60_000, 50_000])
    await clock.advance(100)
    expect([session.time.now, session.time.at(clock.now())]).toEqual([60_100, 50_100])
    reply({ now: 60_050, clock: 50_100 })
    expect([session.time.now, session.time.at(clock.now())]).toEqual([60_050, 50_100])
    reply({ now: 70_000 })
    expect([session.time.now, session.time.at(clock.now())]).toEqual([70_000, 70_000])
  })

  test('goes on from what was seen last: at half the pace while it is ahead', () => {
    const { session, reply } = opened()
    reply({ now: 60_000, clock: 59_000 })
    expect([0, 100, 2_000, 3_000].map((elapsed) => session.time.after(elapsed))).toEqual([
      ...[60_000, 60_050, 61_000, 62_000],
    ])
    reply({ now: 61_500 })
    expect(session.time.after(100)).toBe(61_600)
  })

  test('that was seen last never goes back, whatever the reply says otherwise', () => {
    const { session, reply } = opened()
    reply({ now: 50_000, outcome: 'missing' })
    reply({ now: 49_000 })
    expect(session.time.lastNow).toBe(50_000)
  })
})

describe('how far the history went', () => {
  test('is told when it has grown, and only then', () => {
    const { session, reply, tip, changes } = opened()
    reply({ sequence: 3, offset: tip(1, 3) })
    expect([session.history.sequence, changes()]).toEqual([3, 1])
    reply({ sequence: 3, offset: tip(1, 3) })
    reply({ sequence: 2, offset: tip(1, 2) })
    expect([session.history.sequence, changes()]).toEqual([3, 1])
    reply({ sequence: 4, offset: tip(1, 4) })
    expect([session.history.sequence, changes()]).toEqual([4, 2])
  })

  test('begins behind what was seen of the generation before after a recovery', () => {
    const { session, reply, tip, changes } = opened()
    reply({ sequence: 9, offset: tip(1, 9) })
    reply({ sequence: 5, offset: tip(2, 5) })
    expect([session.history.sequence, session.history.lastSeen, changes()]).toEqual([5, tip(2, 5), 2])
  })

  test('is nothing that a reply tells which was not carried out', () => {
    const { session, reply, tip, changes } = opened()
    reply({ outcome: 'rolled_back', sequence: 9, offset: tip(1, 9) })
    expect([session.history.sequence, session.history.lastSeen, changes()]).toEqual([0, null, 0])
  })

  test('may be told without a tip', () => {
    const { session, reply, changes } = opened()
    reply({ sequence: 1 })
    expect([session.history.sequence, session.history.lastSeen, changes()]).toEqual([1, null, 1])
  })

  test('the furthest point seen: of the latest line, and there the latest sequence', () => {
    const { session, tip } = opened()
    session.history.advanceTo(tip(2, 5))
    for (const earlier of [tip(1, 9), tip(2, 4)]) {
      session.history.advanceTo(earlier)
      expect(session.history.lastSeen).toEqual(tip(2, 5))
    }
    session.history.advanceTo(tip(2, 5, 'another batchId'))
    expect(session.history.lastSeen).toEqual(tip(2, 5, 'another batchId'))
    session.history.advanceTo(tip(2, 6))
    session.history.advanceTo(tip(3, 1))
    expect(session.history.lastSeen).toEqual(tip(3, 1))
  })
})

describe('what is gone', () => {
  test.each([
    ['rolled_back', null, 'ROLLBACK_DETECTED'],
    ['rolled_back', 't', 'ROLLBACK_DETECTED'],
    ['missing', null, 'NOT_FOUND'],
    ['missing', 't', 'STATE_LOST'],
    ['lost', null, 'STATE_LOST'],
    ['lost', 't', 'STATE_LOST'],
  ] as const)('%s for a handle that knows %s: %s', (outcome, token, code) => {
    const { session } = opened()
    session.history.incarnation = token
    expect(session.history.error(outcome)).toMatchObject({
      code,
      message: expect.stringContaining('the sale "s"'),
    })
  })
})

test('marks of calls are drawn from 48 bits', () => {
  const { clock, session } = opened()
  clock.luck = 0.5
  expect(session.newCall(0).batchId).toBe('gAAAAAAA')
  clock.luck = 2 ** -48
  expect(session.newCall(0).batchId).toBe('AAAAAAAB')
  clock.luck = 1 - 2 ** -53
  expect(session.newCall(0).batchId).toBe('________')
})

test('what was seen of one incarnation is not told to another', () => {
  const { session, reply, tip } = opened()
  const named = (incarnation: string) => ({ answers: [{ status: 'exists', incarnation }] })
  reply({ sequence: 12, offset: tip(1, 12), ...named('old') }, null)
  expect([session.history.lastSeen, session.newCall(0).lastSeen]).toEqual([tip(1, 12), null])
  reply({ sequence: 1, offset: tip(1, 1), ...named('new') }, null)
  expect(session.history.lastSeen).toEqual(tip(1, 1))
  session.history.incarnation = 'new'
  reply({ sequence: 40, offset: tip(1, 40), ...named('old') }, null)
  reply({ sequence: 50, offset: tip(1, 50) }, 'old')
  expect([session.history.lastSeen, session.history.sequence]).toEqual([tip(1, 1), 1])
  reply({ sequence: 2, offset: tip(1, 2) }, 'new')
  expect(session.newCall(0)).toMatchObject({ incarnation: 'new', lastSeen: tip(1, 2) })
  session.history.incarnation = 'another'
  expect([session.history.lastSeen, session.history.sequence, session.history.revision]).toEqual([null, 0, 0])
})
