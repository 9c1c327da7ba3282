import { describe, expect, test } from 'vitest'
import { Backlog } from '../../../src/consumer/backlog.js'
import type { ConsumerContext } from '../../../src/consumer/consumer-context.js'
import type { Delivery } from '../../../src/consumer/delivery.js'
import { retryAt } from '../../../src/consumer/event-failure.js'
import { HandlerRetry } from '../../../src/consumer/handler-retry.js'
import { KeyedOrder } from '../../../src/consumer/keyed-order.js'
import type { StoredEvent } from '../../../src/engine/engine.js'
import { settled, TestClock } from '../../support/test-clock.js'

function opened(settings: Partial<ConsumerContext['settings']> = {}) {
  const clock = new TestClock(1_000)
  const offered: Delivery[] = []
  const late: Delivery[] = []
  const told: string[] = []
  const load = { events: 0, starved: false }
  let leads = true
  const around = {
    source: { clock },
    settings: { maxAttempts: 3, retryDelayMs: 10, maxRetryDelayMs: 1_000, ...settings },
    workers: {
      offer: (delivery: Delivery) => offered.push(delivery),
      offerLate: (delivery: Delivery) => late.push(delivery),
    },
    load,
    leaseReleased: () => told.push('relieved'),
    deadLetter: (_: Delivery, error: unknown) => void told.push(`dead: ${error}`),
  }
  const leader = {
    history: { partition: 0, generation: 1, since: 0 },
    mayBegin: () => leads,
    ended: () => told.push('ended'),
    tally: (what: string) => told.push(what),
  }
  const handling = new HandlerRetry(around as unknown as ConsumerContext, leader)
  const terms = {
    owner: handling,
    chains: new KeyedOrder(),
    load,
    maxParked: 100,
    serverTime: (at: number) => at,
  }
  const backlog = new Backlog(0, terms)
  const event = (sequence: number, id = `id ${sequence}`) =>
    backlog.add({ sequence, at: 0, type: 'released', id } as StoredEvent, undefined)
  /** Lets it fail once more; answers after how long it is tried again. */
  const fail = (delivery: Delivery) => {
    for (const one of backlog.due(delivery.at)) one.state = 'ready'
    expect(handling.begins(delivery)).toBe(true)
    void handling.failed(delivery, new Error('no'))
    return delivery.at - clock.now()
  }
  const lead = (now: boolean) => {
    leads = now
  }
  return { clock, handling, backlog, load, offered, late, told, event, fail, lead }
}

describe('a handler that fails', () => {
  test('is called again after twice the pause each time, up to the longest', () => {
    const { event, fail } = opened({ maxAttempts: 100, maxRetryDelayMs: 70 })
    const delivery = event(1)!
    expect([1, 2, 3, 4, 5].map(() => fail(delivery))).toEqual([10, 20, 40, 70, 70])
  })

  test('is called again after the longest pause, however often it has failed', () => {
    const { event, fail } = opened({ maxAttempts: 1_000_000 })
    const delivery = event(1)!
    delivery.attempts = 5_000
    expect(fail(delivery)).toBe(1_000)
  })

  test('is called again up to a half sooner by chance', () => {
    const { clock, event, fail } = opened()
    clock.luck = 1
    expect(fail(event(1)!)).toBe(5)
    clock.luck = 0.5
    expect(fail(event(2)!)).toBe(7.5)
  })

  test('is given up with the last attempt, and not before', async () => {
    const { told, event, fail, backlog, handling } = opened({ maxAttempts: 3 })
    const [first, behind] = [event(1, 'same')!, event(2, 'same')]
    expect(behind).toBeUndefined()
    fail(first)
    fail(first)
    expect([first.state, told.filter((what) => what.startsWith('dead'))]).toEqual(['waiting', []])
    told.length = 0
    for (const one of backlog.due(first.at)) one.state = 'ready'
    handling.begins(first)
    await handling.failed(first, new Error('no'))
    expect(first).toMatchObject({ state: 'dead', attempts: 3, error: 'no' })
    expect(told).toEqual(['retried', 'failed', 'dead: Error: no', 'ended'])
  })

  test('of a lease that is over buries nothing', () => {
    const { told, event, backlog, handling } = opened({ maxAttempts: 1 })
    const delivery = event(1)!
    handling.begins(delivery)
    backlog.drop()
    void handling.failed(delivery, new Error('no'))
    expect(told).toEqual(['failed', 'ended'])
  })

  test('after the engine was away it is asked again twice as late each time, up to two seconds', () => {
    const clock = new TestClock(500)
    const pauses = [1, 2, 3, 4, 5, 6, 7, 2_000].map((failures) => retryAt(failures, clock) - clock.now())
    for (const [i, pause] of pauses.entries()) if (i > 0) expect([2 * pauses[i - 1]!, 2_000]).toContain(pause)
    expect(pauses[0]).toBeGreaterThan(0)
    expect(pauses.at(-1)).toBe(2_000)
    clock.luck = 1
    expect(retryAt(1, clock) - clock.now()).toBe(pauses[0]! / 2)
  })
})

describe('what comes to an end', () => {
  test('makes way for the next of its reservation, which goes before what was offered since', () => {
    const { event, handling, late, told } = opened()
    const [first, second] = [event(1, 'same')!, event(2, 'same')]
    expect(second).toBeUndefined()
    handling.begins(first)
    handling.done(first)
    expect(late.map((delivery) => delivery.event.sequence)).toEqual([2])
    expect(told).toEqual(['handled', 'ended'])
  })

  test('lets reading go on once half as much is in progress', () => {
    const { event, handling, load, told } = opened()
    const [first, second] = [event(1)!, event(2)!]
    handling.begins(first)
    handling.begins(second)
    load.starved = true
    load.events = 2_050
    handling.done(first)
    expect([told, load.starved]).toEqual([['handled', 'ended'], true])
    handling.done(second)
    expect([told.slice(2), load.starved]).toEqual([['handled', 'relieved', 'ended'], false])
  })

  test('tells only the followers that wait for it that there is room', () => {
    const { event, handling, told } = opened()
    const delivery = event(1)!
    handling.begins(delivery)
    handling.done(delivery)
    expect(told).toEqual(['handled', 'ended'])
  })
})

describe('without the lease', () => {
  test('nothing begins, and what waited is offered when it is renewed, once', async () => {
    const { event, handling, offered, lead } = opened()
    const delivery = event(1)!
    lead(false)
    expect(handling.begins(delivery)).toBe(false)
    expect(delivery.state).toBe('ready')
    lead(true)
    handling.offerHeld()
    expect(offered).toEqual([delivery])
    handling.offerHeld()
    expect(offered).toHaveLength(1)
    await settled()
  })

  test('what waited is not offered once the lease is lost', () => {
    const { event, handling, offered, lead } = opened()
    lead(false)
    handling.begins(event(1)!)
    handling.drop()
    handling.offerHeld()
    expect(offered).toEqual([])
  })

  test('nothing of a backlog that is over begins, or is kept', () => {
    const { event, handling, offered, backlog } = opened()
    const delivery = event(1)!
    backlog.drop()
    expect(handling.begins(delivery)).toBe(false)
    handling.offerHeld()
    expect(offered).toEqual([])
  })
})
