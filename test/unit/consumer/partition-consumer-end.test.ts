import { describe, expect, test } from 'vitest'
import { StockholdError } from '../../../src/errors.js'
import {
  groupState,
  HOUR,
  parkedAt,
  pending,
  SERVER,
  followerStage as stage,
} from '../../support/partition-consumer-stage.js'
import { settled } from '../../support/test-clock.js'

describe('the end', () => {
  test('leaving waits for handlers, tells what they did and gives the lease up, and the follower can lead again', async () => {
    const { clock, follower, happen, hands, leading, since, run: _ } = stage()
    const over = await leading()
    const held = pending()
    hands.hold = () => held.promise
    happen(2)
    await clock.advance(200)
    since()
    follower.leave(1_000)
    await clock.advance(500)
    expect([follower.leads, follower.leaving, follower.mayBegin(clock.now()), since()]).toEqual([
      true,
      true,
      false,
      [],
    ])
    held.end()
    await settled()
    expect([follower.leads, follower.leaving, since()]).toEqual([false, false, ['700 acknowledge 2 for 0']])
    expect([over.yet, clock.timers]).toEqual([false, 0])
    follower.claim()
    await settled()
    expect(follower.leads).toBe(true)
  })

  test('leaving waits no longer than it was told, and the shortest time it was told counts', async () => {
    const { clock, follower, happen, hands, leading, since } = stage()
    await leading()
    hands.hold = () => new Promise(() => {})
    happen(1)
    await clock.advance(200)
    since()
    follower.leave(1_000)
    follower.leave(300)
    follower.leave(2_000)
    await clock.advance(299)
    expect(follower.leads).toBe(true)
    await clock.advance(1)
    expect([follower.leads, since()]).toEqual([false, ['500 acknowledge 0 for 0']])
  })

  test('a lease that is given up though the engine did not hear it is no longer acted on', async () => {
    const { clock, follower, leading, partition, errors } = stage()
    await leading()
    partition.fail = () => new StockholdError('UNAVAILABLE', 'away')
    follower.leave(1_000)
    await settled()
    expect([follower.leads, errors.length]).toEqual([false, 1])
    await clock.advance(HOUR)
    expect(clock.timers).toBe(0)
  })

  test('a follower that retires gives its lease up and ends; nothing listens, no timer is set', async () => {
    const { clock, follower, listeners, leading, since } = stage()
    const over = await leading()
    expect(listeners.size).toBe(1)
    follower.retire(1_000)
    await settled()
    expect([over.yet, listeners.size, clock.timers, since()]).toEqual([true, 0, 0, ['0 acknowledge 0 for 0']])
    follower.claim()
    await clock.advance(HOUR)
    expect(since()).toEqual([])
  })

  test('a follower without a lease retires at once', async () => {
    const { clock, follower, listeners, run, since } = stage()
    const over = run()
    await settled()
    follower.retire(1_000)
    await settled()
    expect([over.yet, listeners.size, clock.timers, since()]).toEqual([true, 0, 0, []])
  })

  test('a follower that is stopped ends at once, tells nothing, and lets nothing begin', async () => {
    const { clock, follower, listeners, leading, since, ledChanged } = stage()
    const over = await leading()
    follower.stop()
    expect(follower.mayBegin(clock.now())).toBe(false)
    await settled()
    expect([over.yet, listeners.size, clock.timers, since(), follower.leads]).toEqual([true, 0, 0, [], false])
    expect(ledChanged()).toBe(2)
  })
})

describe('what others do to the group', () => {
  test('events to be retried are looked for when the engine says there are more parked', async () => {
    const { clock, follower, partition, leading, since, handled } = stage()
    partition.position = 9
    await leading()
    follower.observe(groupState({ parked: 0 }))
    await settled()
    expect(since()).toEqual([])
    partition.parked = [parkedAt(4, 0)]
    follower.observe(groupState({ parked: 1 }))
    await settled()
    expect([since()[0], handled]).toEqual(['0 claim', [4]])
    await clock.advance(1)
  })

  test('a parked event is tried again when its time has come on the server, not a ms sooner', async () => {
    const { clock, partition, leading, handled } = stage()
    partition.position = 9
    partition.parked = [parkedAt(4, SERVER + 1_000 + 250)]
    await leading()
    await clock.advance(249)
    expect(handled).toEqual([])
    await clock.advance(1)
    expect(handled).toEqual([4])
  })

  test('a refresh asks for the lease again where it is led, and nothing where it is not', async () => {
    const { follower, leading, run, since } = stage()
    run()
    follower.refresh()
    await settled()
    expect(since()).toEqual([])
    const other = stage()
    await other.leading()
    other.follower.refresh()
    await settled()
    expect(other.since()).toEqual(['0 claim'])
    void leading
  })

  test('a lease of another epoch is another lease: events in progress are dropped, and read again', async () => {
    const { clock, follower, happen, hands, partition, leading, handled } = stage()
    await leading()
    hands.hold = () => new Promise(() => {})
    happen(1)
    await clock.advance(200)
    partition.epoch = 2
    follower.refresh()
    await clock.advance(10)
    expect([follower.leads, follower.backlog?.running, handled]).toEqual([true, 0, [1]])
  })

  test('room that others make is used without a poll', async () => {
    const { clock, follower, happen, partition, leading, since, handled } = stage()
    partition.position = 9
    partition.parked = [parkedAt(1, SERVER * 9), parkedAt(2, SERVER * 9)]
    await leading()
    for (let i = 0; i < 10; i++) happen(1, false)
    happen(0)
    await clock.advance(1_000)
    expect([since(), handled]).toEqual([[], []])
    follower.observe(groupState({ parked: 2, dead: 0 }))
    await settled()
    expect(since()).toEqual([])
    void follower
  })
})

describe('what a follower does by itself, and what not', () => {
  test('a claim while it leads is no wish for later', async () => {
    const { clock, follower, partition, leading, since } = stage({ leaseMs: 9_000 })
    await leading()
    follower.claim()
    partition.settle = 'fenced'
    await clock.advance(60_000)
    expect([follower.leads, since().filter((what) => what.includes('claim'))]).toEqual([false, []])
  })

  test('a wish to lead ends with being told to leave', async () => {
    const { follower, run, since } = stage()
    run()
    follower.claim()
    follower.leave(0)
    await settled()
    expect([follower.leads, since()]).toEqual([false, []])
    follower.claim()
    await settled()
    expect([follower.leads, follower.leaving]).toEqual([true, false])
  })

  test('a lease that others have when it is refreshed is lost, and asked for once', async () => {
    const { clock, follower, partition, leading, since } = stage()
    await leading()
    partition.claim = 'busy'
    follower.refresh()
    await clock.advance(1_000)
    expect([follower.leads, since()]).toEqual([false, ['0 claim']])
  })

  test('reading goes on without a poll when there is room again: in this consumer, or in the group', async () => {
    const { clock, around, follower, happen, leading, handled } = stage()
    await leading()
    around.load.events = 10_000
    happen(1)
    await clock.advance(60_000)
    expect(handled).toEqual([])
    around.load.events = 0
    follower.relieve()
    await settled()
    expect(handled).toEqual([1])
    await clock.advance(1_000)
    follower.observe(groupState({ position: 1, dead: 2 }))
    expect([follower.backlog!.dead, follower.backlog!.knowsDead]).toEqual([2, true])
    await clock.advance(60_000)
    happen(1)
    await clock.advance(60_000)
    expect(handled).toEqual([1])
    follower.observe(groupState({ position: 1, dead: 0 }))
    await settled()
    expect(handled).toEqual([1, 2])
  })

  test('what the engine says of the group does not count while this follower knows better', async () => {
    const { clock, follower, happen, leading } = stage()
    await leading()
    happen(1)
    await clock.advance(5)
    follower.observe(groupState({ dead: 2 }))
    expect(follower.backlog!.dead).toBe(0)
  })

  test('what parked events speak of is fetched again after a failure', async () => {
    const { clock, partition, run, follower, handled, since } = stage()
    Object.assign(partition, { position: 9, parked: [parkedAt(4, 0)] })
    partition.fail = (what) =>
      what.startsWith('reservation') ? new StockholdError('UNAVAILABLE', 'away') : undefined
    run()
    follower.claim()
    await settled()
    since()
    partition.fail = undefined
    await clock.advance(75)
    expect([since()[0], handled]).toEqual(['75 claim', [4]])
  })

  test('while it waits for a handler before it leaves, it says so, and the engine hears of what ends meanwhile', async () => {
    const { clock, follower, happen, hands, leading, since, ledChanged } = stage()
    await leading()
    const first = pending()
    hands.hold = (sequence) => (sequence === 1 ? first.promise : new Promise(() => {}))
    happen(2)
    await clock.advance(150)
    const before = ledChanged()
    follower.leave(10_000)
    first.end()
    await settled()
    expect(ledChanged()).toBeGreaterThan(before)
    since()
    await clock.advance(100)
    expect(since()).toEqual([`250 acknowledge 1 for ${HOUR}`])
    expect(follower.leads).toBe(true)
  })
})
