import { describe, expect, test } from 'vitest'
import { Backlog } from '../../../src/consumer/backlog.js'
import { KeyedOrder } from '../../../src/consumer/keyed-order.js'
import type { StoredEvent } from '../../../src/engine/engine.js'

const owner = {
  history: { partition: 0, generation: 1 },
  begins: () => true,
  done() {},
  failed() {},
} as never

function opened() {
  const load = { events: 0, starved: false }
  const terms = {
    owner,
    chains: new KeyedOrder(),
    load,
    maxParked: 100,
    serverTime: (moment: number) => moment,
  }
  return { load, backlog: new Backlog(0, terms) }
}

/** Of a reservation each. */
const event = (sequence: number) =>
  ({ sequence, at: 0, type: 'reserved', id: `id ${sequence}`, expiresAt: 1_000 }) as StoredEvent

function begun(backlog: Backlog, sequence: number, now = 0) {
  const delivery = backlog.add(event(sequence), undefined)!
  backlog.begin(delivery, now)
  return delivery
}

describe('what limits how far is read ahead', () => {
  test('counts what is neither done nor parked', () => {
    const { backlog, load } = opened()
    const [first, second, third] = [1, 2, 3].map((sequence) => begun(backlog, sequence))
    expect(load.events).toBe(3)
    backlog.done(second!)
    expect(load.events).toBe(2)
    backlog.failed(first!, 'Error: no', 500)
    expect(load.events).toBe(2)
    backlog.keep(backlog.acknowledge(10))
    expect(load.events).toBe(1)
    backlog.giveUp(third!, 'Error: no')
    expect(load.events).toBe(0)
    backlog.keep(backlog.acknowledge(20))
    expect(load.events).toBe(0)
    expect([backlog.parked, backlog.dead]).toEqual([1, 1])
    backlog.drop()
    expect(load.events).toBe(0)
  })

  test('and counts what is parked no more, whatever becomes of it', () => {
    const { backlog, load } = opened()
    const delivery = begun(backlog, 1)
    backlog.failed(delivery, 'Error: no', 500)
    backlog.keep(backlog.acknowledge(10))
    for (const again of backlog.due(500)) backlog.begin(again, 500)
    backlog.done(delivery)
    expect(load.events).toBe(0)
  })
})

describe('there is news for the engine', () => {
  test('when the position has moved', () => {
    const { backlog } = opened()
    expect(backlog.hasNews()).toBe(false)
    backlog.done(begun(backlog, 1))
    expect(backlog.hasNews()).toBe(true)
    backlog.keep(backlog.acknowledge(10))
    expect(backlog.hasNews()).toBe(false)
  })

  test('when one that is parked has failed again, and when it was dealt with', () => {
    const { backlog } = opened()
    const delivery = begun(backlog, 1)
    backlog.failed(delivery, 'Error: no', 500)
    backlog.keep(backlog.acknowledge(10))
    expect(backlog.hasNews()).toBe(false)
    const again = (now: number) => {
      for (const each of backlog.due(now)) backlog.begin(each, now)
    }
    again(500)
    backlog.failed(delivery, 'Error: still no', 1_000)
    expect(backlog.hasNews()).toBe(true)
    expect(backlog.acknowledge(600).park).toMatchObject([{ attempts: 2, retryAt: 1_000 }])
    again(1_000)
    backlog.done(delivery)
    expect(backlog.hasNews()).toBe(true)
    expect(backlog.acknowledge(1_100)).toMatchObject({ news: true, park: [], unpark: [1] })
    expect(backlog.hasNews()).toBe(false)
  })
})
