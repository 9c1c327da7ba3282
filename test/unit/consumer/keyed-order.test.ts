import { describe, expect, test } from 'vitest'
import { Backlog } from '../../../src/consumer/backlog.js'
import type { Delivery } from '../../../src/consumer/delivery.js'
import { KeyedOrder } from '../../../src/consumer/keyed-order.js'
import type { StoredEvent } from '../../../src/engine/engine.js'
import type { ParkedEvent } from '../../../src/engine/groups.js'

const owner = {
  history: { partition: 0, generation: 1, since: 0 },
  begins: () => true,
  done() {},
  failed() {},
} as never
/** What the server's clock is ahead of the process'. */
const AHEAD = 9_000

function opened({ position = 0, maxParked = 100 } = {}) {
  const load = { events: 0, starved: false }
  const terms = {
    owner,
    chains: new KeyedOrder(),
    load,
    maxParked,
    serverTime: (moment: number) => moment + AHEAD,
  }
  const backlog = new Backlog(position, terms)
  const add = (sequence: number, id = `id ${sequence}`) =>
    backlog.add({ sequence, at: 0, type: 'released', id } as StoredEvent, undefined)
  const begin = (sequence: number, now = 0) => {
    const delivery = add(sequence)!
    backlog.begin(delivery, now)
    return delivery
  }
  const tell = (now = 0) => {
    const settlement = backlog.acknowledge(now)
    backlog.keep(settlement)
    return settlement
  }
  const again = (delivery: Delivery, now: number) => {
    expect([...backlog.due(now)]).toContain(delivery)
    backlog.begin(delivery, now)
  }
  return { backlog, load, add, begin, tell, again }
}

const parked = (sequence: number, rest: Partial<ParkedEvent> = {}): ParkedEvent => ({
  event: { sequence, at: 0, type: 'released', id: `id ${sequence}` } as StoredEvent,
  ...{ attempts: 1, retryAt: 0, error: 'no', ...rest },
})

describe('the position', () => {
  test('begins where the group stands', () => {
    const { backlog } = opened({ position: 7 })
    expect([backlog.read, backlog.settled, backlog.position, backlog.hasNews()]).toEqual([7, 7, 7, false])
    expect([backlog.knowsDead, backlog.dead, backlog.parked]).toEqual([false, 0, 0])
    expect(backlog.owner).toBe(owner)
  })

  test.each([1_023, 1_024, 1_025, 2_500])(
    'stands before the first that is not done, also behind %i that are',
    (count) => {
      const { backlog, begin, add, tell } = opened()
      for (let n = 1; n <= count; n++) backlog.done(begin(n))
      add(count + 1)
      add(count + 2)
      expect(backlog.position).toBe(count)
      expect(tell().position).toBe(count)
      backlog.begin(add(count + 3)!, 0)
      expect([backlog.position, tell().news]).toEqual([count, false])
    },
  )

  test('stands before the first event that is not done, wherever others are', () => {
    const { backlog, begin } = opened({ position: 7 })
    const [first, second, third] = [8, 9, 10].map((sequence) => begin(sequence))
    expect([backlog.read, backlog.position]).toEqual([10, 7])
    backlog.done(second!)
    expect(backlog.position).toBe(7)
    backlog.done(first!)
    expect(backlog.position).toBe(9)
    backlog.done(third!)
    expect(backlog.position).toBe(10)
  })

  test('passes over events that only concern the engine', () => {
    const { backlog } = opened()
    for (const type of ['sent', 'received'] as const)
      expect(
        backlog.add({ sequence: backlog.read + 1, at: 0, type } as StoredEvent, undefined),
      ).toBeUndefined()
    expect([backlog.read, backlog.position, backlog.hasNews()]).toEqual([2, 2, true])
  })

  test('moves past what is parked; what the engine has heard is news no more', () => {
    const { backlog, begin, tell } = opened()
    const [first, second] = [begin(1), begin(2)]
    backlog.failed(first, 'no', 50)
    backlog.done(second)
    expect(tell()).toMatchObject({
      position: 2,
      park: [{ event: { sequence: 1 }, attempts: 1, error: 'no', retryAt: AHEAD + 50 }],
    })
    expect([backlog.settled, backlog.position, backlog.parked, backlog.hasNews()]).toEqual([2, 2, 1, false])
    expect(tell().news).toBe(false)
  })

  test('is told again where the engine did not hear of it', () => {
    const { backlog, begin } = opened()
    const [first, second] = [begin(1), begin(2)]
    backlog.failed(first, 'no', 50)
    backlog.done(second)
    const lost = backlog.acknowledge(0)
    backlog.revert(lost)
    expect([backlog.settled, backlog.hasNews()]).toEqual([0, true])
    expect(backlog.acknowledge(0)).toMatchObject({
      position: 2,
      park: [{ event: { sequence: 1 } }],
      news: true,
    })
  })

  test('stays the same through thousands of events, and keeps those in progress', () => {
    const { backlog, begin, tell, load } = opened()
    for (let sequence = 1; sequence <= 5_000; sequence++) {
      backlog.done(begin(sequence))
      if (sequence % 700 === 0) tell()
    }
    expect([backlog.position, load.events]).toEqual([5_000, 0])
    const delivery = begin(5_001)
    expect(backlog.position).toBe(5_000)
    backlog.failed(delivery, 'no', 1)
    expect(tell().position).toBe(5_001)
  })

  test('is told from a place in the window that was cut off meanwhile', () => {
    const { backlog, begin, tell } = opened()
    const all = Array.from({ length: 3_000 }, (_, i) => begin(i + 1))
    for (const delivery of all.slice(0, 2_000)) backlog.done(delivery)
    const told = backlog.acknowledge(0)
    backlog.failed(all[2_000]!, 'no', 1)
    backlog.keep(told)
    expect(backlog.settled).toBe(2_000)
    expect(tell()).toMatchObject({ position: 2_001, park: [{ event: { sequence: 2_001 } }] })
    for (const delivery of all.slice(2_001)) backlog.done(delivery)
    expect(backlog.position).toBe(3_000)
  })
})

describe('an event holds up the position no longer', () => {
  test('than a second, once a later one is done', () => {
    const { backlog, begin } = opened()
    begin(1, 100)
    expect(backlog.acknowledge(5_000).park).toEqual([])
    backlog.done(begin(2, 100))
    expect(backlog.acknowledge(1_099).park).toEqual([])
    expect(backlog.acknowledge(1_100).park).toMatchObject([
      { event: { sequence: 1 }, attempts: 0, retryAt: AHEAD + 1_100 },
    ])
  })

  test('than half of the window has come behind it', () => {
    const { backlog, begin } = opened()
    begin(1)
    for (let sequence = 2; sequence <= 4_095; sequence++) backlog.done(begin(sequence))
    expect(backlog.acknowledge(0).park).toEqual([])
    backlog.done(begin(4_096))
    expect(backlog.acknowledge(0).park).toMatchObject([{ event: { sequence: 1 } }])
  })

  test('where it waits behind one that is parked', () => {
    const { backlog, begin, add, tell } = opened()
    const first = begin(1)
    add(2, 'id 1')
    backlog.done(begin(3))
    backlog.failed(first, 'no', 50)
    expect(tell()).toMatchObject({
      position: 3,
      park: [{ event: { sequence: 1 } }, { event: { sequence: 2 }, attempts: 0 }],
    })
  })

  test('where it waits behind one that is not parked, it does', () => {
    const { backlog, begin, add, tell } = opened()
    begin(1)
    add(2, 'id 1')
    backlog.done(begin(3))
    expect(tell()).toMatchObject({ position: 0, park: [] })
  })

  test('where it waits for a free hand, it does', () => {
    const { backlog, begin, add, tell } = opened()
    add(1)
    backlog.done(begin(2))
    expect(tell(100_000)).toMatchObject({ position: 0, park: [] })
  })

  test('but no more are parked than there is room for', () => {
    const { backlog, begin, tell } = opened({ maxParked: 2 })
    for (let sequence = 1; sequence <= 3; sequence++) backlog.failed(begin(sequence), 'no', 50)
    expect(tell()).toMatchObject({
      position: 2,
      park: [{ event: { sequence: 1 } }, { event: { sequence: 2 } }],
    })
    expect([backlog.full, backlog.parked]).toEqual([true, 2])
  })

  test('dead ones count as parked', () => {
    const { backlog, begin, tell } = opened({ maxParked: 2 })
    backlog.dead = 1
    expect(backlog.full).toBe(false)
    for (let sequence = 1; sequence <= 2; sequence++) backlog.failed(begin(sequence), 'no', 50)
    expect(tell()).toMatchObject({ position: 1 })
    expect(backlog.full).toBe(true)
  })

  test('256 are parked in one call, and what has changed on top of it', () => {
    const { backlog, begin, tell, again } = opened({ maxParked: 1_000 })
    const first = begin(1)
    backlog.failed(first, 'no', 50)
    tell()
    again(first, 50)
    backlog.failed(first, 'no', 100)
    for (let sequence = 2; sequence <= 301; sequence++) backlog.failed(begin(sequence), 'no', 50)
    expect(tell().park).toHaveLength(257)
    expect(tell().park).toHaveLength(44)
  })
})

describe('how much is read ahead', () => {
  test('up to 8,192 events behind the position', () => {
    const { backlog, begin, tell } = opened()
    const all = Array.from({ length: 8_191 }, (_, i) => begin(i + 1))
    expect(backlog.crowded).toBe(false)
    begin(8_192)
    expect(backlog.crowded).toBe(true)
    for (const delivery of all.slice(0, 10)) backlog.done(delivery)
    tell()
    expect(backlog.crowded).toBe(false)
  })
})

describe('what the engine has parked', () => {
  test('is taken once: with its attempts, and when it is due', () => {
    const { backlog } = opened()
    expect(backlog.addParked(parked(3), undefined, 70)).toBeUndefined()
    expect(backlog.knows(3)).toBe(true)
    expect([backlog.nextDue(), [...backlog.due(69)]]).toEqual([70, []])
    const [due, ...rest] = [...backlog.due(70)]
    expect(rest).toEqual([])
    expect(due).toMatchObject({ attempts: 1, error: 'no', parked: true, state: 'ready' })
    expect([backlog.nextDue(), backlog.parked, backlog.hasNews()]).toEqual([
      Number.POSITIVE_INFINITY,
      1,
      false,
    ])
    expect(backlog.addParked(parked(3, { attempts: 0 }), undefined, 0)).toBeUndefined()
  })

  test('is handled at once where it was never tried, and in its turn behind others of its reservation', () => {
    const { backlog } = opened()
    expect(backlog.addParked(parked(3, { attempts: 0 }), undefined, 70)).toMatchObject({ state: 'ready' })
    const behind = parked(4, {
      event: { sequence: 4, type: 'released', id: 'id 3' } as StoredEvent,
      attempts: 0,
    })
    expect(backlog.addParked(behind, undefined, 0)).toBeUndefined()
    expect(backlog.nextDue()).toBe(Number.POSITIVE_INFINITY)
  })

  test('is forgotten there when it is done, and known until that was told', () => {
    const { backlog, tell } = opened()
    const delivery = backlog.addParked(parked(3, { attempts: 0 }), undefined, 0)!
    backlog.begin(delivery, 0)
    backlog.done(delivery)
    expect([backlog.parked, backlog.knows(3), backlog.hasNews()]).toEqual([0, true, true])
    const lost = backlog.acknowledge(0)
    expect(lost.unpark).toEqual([3])
    backlog.revert(lost)
    expect(tell().unpark).toEqual([3])
    expect([backlog.knows(3), backlog.hasNews()]).toEqual([false, false])
  })

  test('is told when it failed again, and when it is given up', () => {
    const { backlog, tell, again } = opened()
    backlog.addParked(parked(3), undefined, 70)
    const [delivery] = [...backlog.due(70)]
    backlog.begin(delivery!, 70)
    backlog.failed(delivery!, 'still', 200)
    expect(tell(80).park).toMatchObject([{ attempts: 2, error: 'still', retryAt: AHEAD + 200 }])
    again(delivery!, 200)
    backlog.giveUp(delivery!, 'for good')
    expect(backlog.dead).toBe(0)
    expect(tell(210).park).toMatchObject([{ attempts: 3, error: 'for good', retryAt: null }])
    expect([backlog.parked, backlog.dead]).toEqual([0, 1])
  })

  test('the next to be due is the earliest', () => {
    const { backlog } = opened()
    for (const [sequence, at] of [
      [3, 70],
      [4, 50],
      [5, 90],
    ] as const)
      backlog.addParked(parked(sequence), undefined, at)
    expect(backlog.nextDue()).toBe(50)
    expect([...backlog.due(70)].map(({ event }) => event.sequence)).toEqual([3, 4])
    expect(backlog.nextDue()).toBe(90)
  })
})

describe('handlers that run', () => {
  test('are counted until they end, however they do', () => {
    const { backlog, begin } = opened()
    const all = [begin(1), begin(2), begin(3)]
    expect(backlog.running).toBe(3)
    backlog.done(all[0]!)
    backlog.failed(all[1]!, 'no', 1)
    backlog.giveUp(all[2]!, 'no')
    expect(backlog.running).toBe(0)
  })

  test('and end after the lease was lost without any effect', () => {
    const { backlog, begin, load } = opened()
    const all = [begin(1), begin(2), begin(3)]
    backlog.drop()
    expect([backlog.over, load.events]).toEqual([true, 0])
    backlog.done(all[0]!)
    backlog.failed(all[1]!, 'no', 1)
    backlog.giveUp(all[2]!, 'no')
    expect([backlog.running, backlog.parked, load.events, backlog.nextDue()]).toEqual([
      0,
      0,
      0,
      Number.POSITIVE_INFINITY,
    ])
    expect(all.map(({ attempts }) => attempts)).toEqual([0, 0, 0])
  })

  test('make way for the next of their reservation', () => {
    for (const end of ['done', 'giveUp', 'dropped'] as const) {
      const { backlog, begin, add } = opened()
      const first = begin(1)
      expect(add(2, 'id 1')).toBeUndefined()
      if (end === 'done') expect(backlog.done(first)?.event.sequence).toBe(2)
      if (end === 'giveUp') expect(backlog.giveUp(first, 'no')?.event.sequence).toBe(2)
      if (end !== 'dropped') continue
      backlog.drop()
      expect(backlog.failed(first, 'no', 1)).toBeUndefined()
    }
  })
})
