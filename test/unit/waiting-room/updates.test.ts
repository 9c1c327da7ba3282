import { expect, onTestFinished, test } from 'vitest'
import type { PollResult } from '../../../src/index.js'
import type { RoomPoller } from '../../../src/waiting-room/room-poller.js'
import { pushUpdates, type Watched } from '../../../src/waiting-room/updates.js'
import { TestClock } from '../../support/test-clock.js'

const at = (position: number, soldOutLikely = false): PollResult => ({
  status: 'waiting',
  position,
  etaMs: 1_000 * position,
  pollAfterMs: 1_000 + Math.floor(Math.random() * 100),
  soldOutLikely,
})
const admitted: PollResult = { status: 'admitted', pass: 'pass', expiresAt: 1 }
const closed = (reason: 'sold_out' | 'ended'): PollResult => ({ status: 'closed', reason })

/** A visitor and a keeper under control; what is open of listeners and timers is counted. */
function stage(answers: (PollResult | Error)[]) {
  const listeners = new Set<() => void>()
  const stageOf = { polls: 0, hasTurn: false, state: { closed: null as string | null }, stopped: false }
  const clock = new TestClock()
  const keeper = {
    get state() {
      return stageOf.state
    },
    get stopped() {
      return stageOf.stopped
    },
    listen(listener: () => void) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  } as unknown as RoomPoller
  const watched: Watched = {
    hasTurn: () => stageOf.hasTurn,
    async poll() {
      const answer = answers[Math.min(stageOf.polls++, answers.length - 1)]!
      if (answer instanceof Error) throw answer
      return answer
    },
  }
  return {
    ...{ stageOf, listeners, clock },
    tell: () => {
      for (const listener of listeners) listener()
    },
    open: (signal?: AbortSignal) => pushUpdates(watched, keeper, clock, signal),
    idle() {
      expect([listeners.size, clock.timers]).toEqual([0, 0])
    },
  }
}

async function all(updates: AsyncIterable<PollResult>): Promise<PollResult[]> {
  const told: PollResult[] = []
  for await (const update of updates) told.push(update)
  return told
}

test('only what is new is told: positions and states, and not each eta', async () => {
  const answers = [at(3), at(3), at(2), at(2), at(2, true), at(2, true), admitted]
  const { open, stageOf, tell, idle } = stage(answers)
  stageOf.hasTurn = true
  const ticking = setInterval(tell, 2)
  onTestFinished(() => clearInterval(ticking))
  expect(await all(open())).toEqual([answers[0], answers[2], answers[4], admitted])
  idle()
})

test('it ends with a pass, and with the end of the sale; a room that is sold out may open again', async () => {
  for (const last of [admitted, closed('ended')]) {
    const { open, stageOf, tell, idle } = stage([
      at(1),
      closed('sold_out'),
      closed('sold_out'),
      at(1),
      last,
      at(9),
    ])
    stageOf.hasTurn = true
    const ticking = setInterval(tell, 2)
    const told = await all(open())
    clearInterval(ticking)
    expect(told.map(({ status }) => status)).toEqual(['waiting', 'closed', 'waiting', last.status])
    idle()
  }
})

test('a turn is told at once, without waiting for the next look', async () => {
  const { open, stageOf, tell, listeners, clock } = stage([at(2), admitted])
  const updates = open()
  await updates.next()
  const next = updates.next()
  await clock.until(() => listeners.size > 0)
  tell()
  await clock.advance(20)
  expect(stageOf.polls).toBe(1)
  stageOf.hasTurn = true
  tell()
  await clock.advance(20)
  expect(stageOf.polls).toBe(2)
  expect(await next).toEqual({ done: false, value: admitted })
})

test('a turn that came while the last update was still being handled', async () => {
  const { open, stageOf, clock } = stage([at(2), admitted])
  const updates = open()
  await updates.next()
  stageOf.hasTurn = true
  const next = updates.next()
  await clock.advance(20)
  expect(stageOf.polls).toBe(2)
  expect((await next).value).toEqual(admitted)
})

test('it looks by itself each second, and whenever the room opens or closes', async () => {
  const { open, stageOf, tell, listeners, clock } = stage([at(2), at(1), closed('ended')])
  const updates = open()
  await updates.next()
  expect((await clock.during(updates.next())).value).toMatchObject({ position: 1 })
  const next = updates.next()
  await clock.until(() => listeners.size > 0)
  stageOf.state = { closed: 'ended' }
  tell()
  expect((await next).value).toEqual(closed('ended'))
})

test('an abort ends it at once: before it begins, while it waits, and while an update is handled', async () => {
  const before = stage([at(1)])
  expect(await all(before.open(AbortSignal.abort()))).toEqual([])
  expect(before.stageOf.polls).toBe(0)

  const while_ = stage([at(1)])
  const abort = new AbortController()
  const updates = while_.open(abort.signal)
  await updates.next()
  const next = updates.next()
  await while_.clock.until(() => while_.listeners.size > 0)
  abort.abort()
  expect(await next).toEqual({ done: true, value: undefined })
  expect(while_.stageOf.polls).toBe(1)
  while_.idle()

  const handled = stage([at(1)])
  const again = new AbortController()
  for await (const _ of handled.open(again.signal)) again.abort()
  expect(handled.stageOf.polls).toBe(1)
  handled.idle()
})

test('break ends it, and so does a return in the middle of a wait, as servers do when their client is gone', async () => {
  const broken = stage([at(1)])
  for await (const _ of broken.open()) break
  broken.idle()
  const gone = stage([at(1)])
  const updates = gone.open()
  await updates.next()
  const next = updates.next()
  await gone.clock.until(() => gone.listeners.size > 0)
  await updates.return!()
  expect(await next).toEqual({ done: true, value: undefined })
  const { polls } = gone.stageOf
  await gone.clock.advance(1_100)
  expect(gone.stageOf.polls).toBe(polls)
  gone.idle()
})

test('what a poll throws comes from the iteration, and nothing stays behind', async () => {
  const { open, stageOf, tell, idle } = stage([at(1), new Error('gone')])
  stageOf.hasTurn = true
  const ticking = setInterval(tell, 2)
  onTestFinished(() => clearInterval(ticking))
  await expect(all(open())).rejects.toThrow('gone')
  idle()
})

test('a signal that outlives many updates keeps none of them', async () => {
  const abort = new AbortController()
  let listening = 0
  const { signal } = abort
  const add = signal.addEventListener.bind(signal)
  const remove = signal.removeEventListener.bind(signal)
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    listening++
    add(...args)
  }
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    listening--
    remove(...args)
  }
  for (let i = 0; i < 20; i++) for await (const _ of stage([at(1)]).open(signal)) break
  stage([at(1)]).open(signal)
  expect(listening).toBe(0)
})
