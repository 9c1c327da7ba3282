import { expect, onTestFinished, test } from 'vitest'
import { FlashSale, type PollResult, StockholdError, type WaitingRoom } from '../../../src/index.js'
import { clockedRoom, roomOn, ticketsOf } from '../../support/clocked-room.js'
import { clockedMemory, type TestClock } from '../../support/test-clock.js'
import { codeOf, spied } from '../../support/waiting-room.js'
import { watched } from '../../support/watched-engine.js'

const away = () => {
  throw new StockholdError('UNAVAILABLE', 'away')
}

/** Each polls again 50 ms after it has had an answer. */
async function storm(
  clock: TestClock,
  room: WaitingRoom,
  crowd: readonly string[],
  ms: number,
): Promise<number> {
  const end = clock.now() + ms
  let polls = 0
  const visitor = async (ticket: string) => {
    for (; clock.now() < end; polls++) {
      await room.poll(ticket)
      await clock.sleep(50)
    }
  }
  await clock.during(Promise.all(crowd.map(visitor)))
  return polls
}

test('1,000 visitors who poll every 50 ms for 3 seconds cost a handful of calls a second', async () => {
  const { clock, spy, room } = await clockedRoom({ ratePerSecond: 10, burst: 10 })
  const crowd = await ticketsOf(room, 1_000)
  const begun = spy.count('tend')
  const polls = await storm(clock, room, crowd, 3_000)
  expect(polls).toBeGreaterThan(50_000)
  // 40 at once after a quiet time, then one in 100 ms.
  expect(spy.count('tend') - begun).toBeLessThanOrEqual(40 + 30)
  expect(spy.mostTends).toBe(1)
  expect(spy.count()).toBeLessThan(1_000 + 70 + 5)
})

test('also with a sale: what is read of it is one more call for each at most', async () => {
  const { clock, engine } = await clockedMemory()
  const { engine: counted, runs } = watched(engine)
  const spy = spied(counted)
  const sale = new FlashSale('phones', { engine: spy.engine })
  onTestFinished(() => sale.close())
  await sale.create({ stock: { a: 100 } })
  const room = roomOn(spy, { sale: 'phones', ratePerSecond: 10 })
  await room.create()
  const crowd = await ticketsOf(room, 200)
  await storm(clock, room, crowd, 1_000)
  expect(runs()).toBeLessThanOrEqual(spy.count('tend') + 5)
  expect(spy.count('tend')).toBeLessThanOrEqual(40 + 10)
})

test('no visitor is told anything older than 250 ms', async () => {
  const { clock, spy, room } = await clockedRoom({ ratePerSecond: 1, burst: 1 })
  const crowd = await ticketsOf(room, 300)
  const end = clock.now() + 1_500
  // What is known goes back to a moment after the latest tend whose answer had come before that.
  let polls = 0
  const tendedAt: number[] = []
  spy.before = (command) => void (command === 'tend' && tendedAt.push(clock.now()))
  while (clock.now() < end) {
    const asked = clock.now()
    await clock.during(room.poll(crowd[200 + (polls++ % 100)]!))
    // The call that this answer rests on was made after that moment.
    if (tendedAt.length > 0) expect(tendedAt.some((at) => at >= asked - 250)).toBe(true)
    await clock.advance(1)
  }
})

test('polls that come while a call is out go along with the next one, whose answer is later than they are', async () => {
  const { clock, spy, room } = await clockedRoom({ ratePerSecond: 0.001, burst: 1 })
  const crowd = await ticketsOf(room, 30)
  await room.poll(crowd[0]!)
  let release: (() => void) | undefined
  spy.before = (command) =>
    command === 'tend' && !release ? new Promise<void>((resolve) => (release = resolve)) : undefined
  const first = room.poll(crowd[5]!)
  await clock.until(() => release !== undefined)
  const during = crowd.slice(6, 20).map((ticket) => room.poll(ticket))
  const before = spy.count('tend')
  await clock.advance(50)
  expect(spy.count('tend')).toBe(before)
  release!()
  const told = await clock.during(Promise.all([first, ...during]))
  expect(told.map((one) => one.status === 'waiting' && one.position)).toEqual(
    Array.from({ length: 15 }, (_, i) => 5 + i),
  )
  expect(spy.mostTends).toBe(1)
})

test('joins that wait for the same reading of the room share one timer, and each learns its position', async () => {
  const { clock, spy, room } = await clockedRoom({ ratePerSecond: 0.001, burst: 1 })
  await ticketsOf(room, 1)
  await clock.advance(10_000)
  const [timers, tends] = [clock.everSet, spy.count('tend')]
  const joining = Array.from({ length: 300 }, (_, i) => room.join(`v${i}`))
  const results = await clock.during(Promise.all(joining))
  expect(results.map((one) => one.status === 'joined' && one.position)).toEqual(
    Array.from({ length: 300 }, (_, i) => 2 + i),
  )
  expect(spy.count('tend') - tends).toBeLessThanOrEqual(3)
  expect(clock.everSet - timers).toBeLessThan(20)
})

test('a join that comes while the room is being read waits for the next reading', async () => {
  const { clock, spy, room } = await clockedRoom({ ratePerSecond: 0.001, burst: 1 })
  await ticketsOf(room, 1)
  await clock.advance(10_000)
  let release: (() => void) | undefined
  spy.before = (command) =>
    command === 'tend' && !release ? new Promise<void>((resolve) => (release = resolve)) : undefined
  const first = room.join('first')
  await clock.until(() => release !== undefined)
  const before = spy.count('tend')
  const second = room.join('second')
  await clock.advance(50)
  release!()
  expect(await clock.during(Promise.all([first, second]))).toMatchObject([{ position: 2 }, { position: 3 }])
  expect(spy.count('tend')).toBeGreaterThan(before)
})

test("away, 'hold': the same position and a longer wait, at once; back again by itself", async () => {
  const { clock, spy, room } = await clockedRoom({ ratePerSecond: 0.001, burst: 1 })
  const crowd = await ticketsOf(room, 200)
  await room.poll(crowd[0]!)
  const before = (await Promise.all(crowd.slice(1).map((ticket) => room.poll(ticket)))) as PollResult[]
  spy.before = away
  const attempts = spy.count('tend')
  await clock.advance(260)
  for (let round = 0; round < 20; round++) {
    const told = await clock.during(Promise.all(crowd.slice(1).map((ticket) => room.poll(ticket))))
    for (const [i, one] of told.entries()) {
      const known = before[i]!
      if (one.status !== 'waiting' || known.status !== 'waiting') expect.fail(one.status)
      expect(one.position).toBe(known.position)
      expect(one.pollAfterMs).toBeGreaterThan(known.pollAfterMs)
    }
    await clock.advance(20)
  }
  // It goes on trying, and not at the pace of the polls.
  expect(spy.count('tend')).toBeGreaterThan(attempts)
  expect(spy.count('tend') - attempts).toBeLessThan(20)
  spy.before = undefined
  await clock.until(() =>
    room.stats().then(
      ({ state }) => state === 'open',
      () => false,
    ),
  )
  expect(await clock.during(room.poll(crowd[7]!))).toMatchObject({
    status: 'waiting',
    position: 7,
    pollAfterMs: expect.toSatisfy((ms) => ms <= 1_200),
  })
})

test("away, 'hold', for somebody this process has never told anything: what it knows of the line", async () => {
  const { clock, spy, room } = await clockedRoom({ ratePerSecond: 0.001, burst: 1 })
  const crowd = await ticketsOf(room, 20)
  const fresh = roomOn(spy)
  await fresh.stats()
  spy.before = away
  await clock.advance(260)
  expect(await clock.during(fresh.poll(crowd[9]!))).toMatchObject({ status: 'waiting', position: 10 })
  // A process that knows nothing at all cannot hold anybody.
  expect(await clock.during(codeOf(roomOn(spy).poll(crowd[9]!)))).toBe('UNAVAILABLE')
})

test("away, 'refuse': UNAVAILABLE, also where the answer to a call was lost", async () => {
  const { clock, spy, room } = await clockedRoom({ onUnavailable: 'refuse' })
  const crowd = await ticketsOf(room, 3)
  await room.poll(crowd[1]!)
  for (const code of ['UNAVAILABLE', 'UNKNOWN_OUTCOME'] as const) {
    spy.before = () => {
      throw new StockholdError(code, 'lost')
    }
    await clock.advance(260)
    for (let i = 0; i < 5; i++) expect(await clock.during(codeOf(room.poll(crowd[1]!)))).toBe('UNAVAILABLE')
    spy.before = undefined
    await clock.until(() =>
      clock.during(room.poll(crowd[1]!)).then(
        ({ status }) => status === 'waiting',
        () => false,
      ),
    )
  }
})

test('what will not be better by waiting is told as it is, held or not', async () => {
  const { clock, spy, room } = await clockedRoom()
  const crowd = await ticketsOf(room, 3)
  await room.poll(crowd[1]!)
  for (const code of ['STATE_LOST', 'UNSAFE_CONFIG'] as const) {
    spy.before = () => {
      throw new StockholdError(code, 'lost')
    }
    await clock.advance(260)
    await clock.until(() =>
      clock.during(room.poll(crowd[1]!)).then(
        () => false,
        (error) => error.code === code,
      ),
    )
    expect(await clock.during(codeOf(room.poll(crowd[2]!)))).toBe(code)
  }
})
