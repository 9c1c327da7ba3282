import { describe, expect, test } from 'vitest'
import { FlashSale, type WaitingRoom } from '../../../src/index.js'
import { clockedRoom, passOf, roomOn, ticketsOf } from '../../support/clocked-room.js'

const never = new Promise<never>(() => {})

/** Each call that takes a signal, on a handle that may know its room or not. */
const abortable: Record<
  string,
  (room: WaitingRoom, ticket: string, signal: AbortSignal) => Promise<unknown>
> = {
  create: (room, _, signal) => room.create({}, { signal }),
  join: (room, _, signal) => room.join('bob', { signal }),
  poll: (room, ticket, signal) => room.poll(ticket, { signal }),
  transfer: (room, ticket, signal) => room.transfer(ticket, { to: 'ann', signal }),
  leave: (room, ticket, signal) => room.leave(ticket, { signal }),
  revoke: (room, _, signal) => room.revoke('ann', { signal }),
  block: (room, _, signal) => room.block('ann', { signal }),
  unblock: (room, _, signal) => room.unblock('ann', { signal }),
  setRate: (room, _, signal) => room.setRate(5, { signal }),
  pause: (room, _, signal) => room.pause({ signal }),
  resume: (room, _, signal) => room.resume({ signal }),
  stats: (room, _, signal) => room.stats({ signal }),
  ready: (room, _, signal) => room.ready({ signal }),
}

// If the signal were ignored, the call would wait for its deadline, which is an hour.
describe.each(Object.entries(abortable))('an aborted %s ends at once', (name, call) => {
  test('in a process that has never read the room', async () => {
    const { clock, spy, room } = await clockedRoom()
    const [ticket] = await ticketsOf(room, 1)
    const fresh = roomOn(spy, { deadlineMs: 3_600_000 })
    spy.before = () => never
    const reason = new Error('the browser has gone')
    const abort = new AbortController()
    const outcome = call(fresh, ticket!, abort.signal).catch((error) => error)
    await clock.advance(20)
    abort.abort(reason)
    const error = await outcome
    // What was sent may be carried out; what only waits to learn the room was not sent.
    if (name === 'create') expect(error).toMatchObject({ code: 'UNKNOWN_OUTCOME', cause: reason })
    else expect(error).toBe(reason)
  })

  test('in a process that knows the room', async () => {
    const { clock, spy, room } = await clockedRoom({ deadlineMs: 3_600_000, ratePerSecond: 0 })
    const [ticket] = await ticketsOf(room, 1)
    // What is known is too old to be told.
    await clock.advance(300)
    spy.before = () => never
    const reason = new Error('the browser has gone')
    const abort = new AbortController()
    const outcome = call(room, ticket!, abort.signal).then(
      () => 'answered',
      (error) => error,
    )
    await clock.advance(20)
    abort.abort(reason)
    const error = await outcome
    if (name === 'ready') expect(error).toBe('answered')
    else if (name === 'poll' || name === 'stats') expect(error).toBe(reason)
    else expect(error).toMatchObject({ code: 'UNKNOWN_OUTCOME', cause: reason })
  })
})

test('a signal that was aborted before: nothing is sent', async () => {
  const { spy, room } = await clockedRoom()
  const [ticket] = await ticketsOf(room, 1)
  const fresh = roomOn(spy)
  const before = spy.count()
  for (const call of Object.values(abortable))
    for (const each of [room, fresh])
      await expect(call(each, ticket!, AbortSignal.abort(new Error('gone')))).rejects.toThrow('gone')
  expect(spy.count('join') + spy.count('revoke') + spy.count('leave') + spy.count('control')).toBe(1)
  expect(spy.count()).toBeLessThanOrEqual(before + 1)
})

test('a reservation whose pass is being looked at ends with its signal', async () => {
  const { clock, spy, room } = await clockedRoom({ sale: 'phones' })
  await new FlashSale('phones', { engine: spy.engine }).create({ stock: { a: 5 } })
  const pass = await passOf(clock, room, 'ann')
  const elsewhere = roomOn(spy, { sale: 'phones', deadlineMs: 3_600_000 })
  const sale = new FlashSale('phones', { engine: spy.engine, deadlineMs: 3_600_000, waitingRoom: elsewhere })
  spy.before = () => never
  const abort = new AbortController()
  const items = [{ sku: 'a', quantity: 1 }]
  const outcome = sale.reserve({ buyer: 'ann', items, pass }, { signal: abort.signal })
  await clock.advance(20)
  abort.abort(new Error('gone'))
  await expect(outcome).rejects.toThrow('gone')
})

test('the poll of a visitor who has gone is not sent, and the polls that wait with it are answered', async () => {
  const { clock, spy, room } = await clockedRoom({ burst: 10, ratePerSecond: 10 })
  const [first, second] = await ticketsOf(room, 2)
  let release = () => {}
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  spy.before = (command) => (command === 'tend' ? held : undefined)
  await clock.advance(300)
  const underWay = room.poll(first!)
  await clock.advance(20)
  const abort = new AbortController()
  const gone = room.poll(first!, { signal: abort.signal }).catch((error) => error)
  const waiting = room.poll(second!)
  abort.abort(new Error('gone'))
  expect(await gone).toMatchObject({ message: 'gone' })
  release()
  await underWay
  expect(await waiting).toMatchObject({ status: 'admitted' })
})

test('updates end at once with their signal, with return() and with close(), also while the engine says nothing', async () => {
  for (const end of ['signal', 'return', 'close'] as const) {
    const { clock, spy, room } = await clockedRoom({ deadlineMs: 3_600_000 })
    const [ticket] = await ticketsOf(room, 1)
    await clock.advance(300)
    spy.before = () => never
    const abort = new AbortController()
    const updates = room.updates(ticket!, { signal: abort.signal })
    const next = updates.next()
    await clock.advance(20)
    if (end === 'signal') abort.abort()
    else if (end === 'return') void updates.return!()
    else await room.close()
    expect(await next).toEqual({ done: true, value: undefined })
  }
})
