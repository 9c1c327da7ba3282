import { expect, onTestFinished, test, vi } from 'vitest'
import type { PollResult } from '../../../src/index.js'
import type { RoomPoller } from '../../../src/waiting-room/room-poller.js'
import { pushUpdates } from '../../../src/waiting-room/updates.js'
import { listeners as listening, settled, TestClock } from '../../support/test-clock.js'

const at = (position: number): PollResult => ({
  ...{ status: 'waiting', position, etaMs: 1, pollAfterMs: 1, soldOutLikely: false },
})

/** A visitor who is told the same until a test says otherwise, on a clock that stands. */
function stage() {
  const clock = new TestClock()
  const room = new Set<() => void>()
  const visitor = { polls: 0, told: at(2), hasTurn: false, closed: null as string | null, stopped: false }
  const keeper = {
    get state() {
      return { closed: visitor.closed }
    },
    get stopped() {
      return visitor.stopped
    },
    listen: (listener: () => void) => {
      room.add(listener)
      return () => room.delete(listener)
    },
  } as unknown as RoomPoller
  const watched = {
    hasTurn: () => visitor.hasTurn,
    poll: async () => {
      visitor.polls++
      return visitor.told
    },
  }
  const abort = new AbortController()
  const updates = pushUpdates(watched, keeper, clock, abort.signal)
  /** Takes the first update, and waits for the next. */
  const waiting = async () => {
    await updates.next()
    const next = { result: undefined as IteratorResult<PollResult, void> | undefined }
    void updates.next().then((result) => {
      next.result = result
    })
    await settled()
    // It listens for what changes, and for the end of the handle.
    expect([visitor.polls, clock.due, room.size]).toEqual([1, [1_000], 2])
    return next
  }
  const tell = async () => {
    for (const listener of [...room]) listener()
    await settled()
  }
  /** Nothing is left of it. */
  const isOver = () => {
    expect([clock.timers, room.size, listening(abort.signal)]).toEqual([0, 0, 0])
  }
  return { clock, room, visitor, updates, abort, waiting, tell, isOver }
}

test.each([
  ['the turn has come', { hasTurn: true }],
  ['the room has closed', { closed: 'sold_out' }],
])('looks at once when the room tells that %s, and not for other news', async (_, change) => {
  const { visitor, waiting, tell } = stage()
  const next = await waiting()
  await tell()
  expect(visitor.polls).toBe(1)
  Object.assign(visitor, change, { told: at(1) })
  await tell()
  expect([visitor.polls, next.result?.value]).toEqual([2, at(1)])
})

test('ends at once when the handle is closed', async () => {
  const { visitor, waiting, tell, isOver } = stage()
  const next = await waiting()
  Object.assign(visitor, { stopped: true })
  await tell()
  expect([visitor.polls, next.result]).toEqual([1, { done: true, value: undefined }])
  isOver()
})

test('looks each second, and not a ms sooner', async () => {
  const { visitor, waiting, clock } = stage()
  await waiting()
  await clock.advance(999)
  expect(visitor.polls).toBe(1)
  await clock.advance(1)
  expect(visitor.polls).toBe(2)
  await clock.advance(999)
  expect(visitor.polls).toBe(2)
  await clock.advance(1)
  expect(visitor.polls).toBe(3)
})

test.each([
  ['an abort', ({ abort }: ReturnType<typeof stage>) => abort.abort()],
  ['a return', ({ updates }: ReturnType<typeof stage>) => void updates.return!()],
  [
    'a throw',
    ({ updates }: ReturnType<typeof stage>) => void updates.throw!(new Error('gone')).catch(() => {}),
  ],
])('%s in the middle of a wait ends it at once, and nothing is left', async (_, end) => {
  const all = stage()
  const next = await all.waiting()
  end(all)
  await settled()
  expect([next.result?.done, all.visitor.polls]).toEqual([true, 1])
  all.isOver()
})

test('a throw reaches the call that throws', async () => {
  const { updates, waiting } = stage()
  await waiting()
  await expect(updates.throw!(new Error('gone'))).rejects.toThrow('gone')
})

test('a wait leaves no listener on any signal', async () => {
  const added = vi.spyOn(EventTarget.prototype, 'addEventListener')
  const removed = vi.spyOn(EventTarget.prototype, 'removeEventListener')
  onTestFinished(() => void vi.restoreAllMocks())
  const { clock, waiting, abort } = stage()
  await waiting()
  const open = () => added.mock.calls.length - removed.mock.calls.length
  const before = open()
  await clock.advance(20_000)
  expect([open(), listening(abort.signal)]).toEqual([before, 1])
})
