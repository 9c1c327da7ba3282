import { expect, test } from 'vitest'
import { Follower } from '../../support/group-consumer.js'
import { openPort } from '../../support/port-sale.js'
import { onBothEngines } from '../../support/shop.js'

onBothEngines((_open, kind) => {
  /** A sale with three events, and two consumers who want to follow it. */
  const open = async () => {
    const [at] = await openPort(await kind.make())
    for (const buyer of ['u', 'v', 'w']) await at!.hold(buyer, [[0, 1]], { holdMs: 10_000 })
    return { at: at!, one: new Follower(at!, 'one'), two: new Follower(at!, 'two') }
  }

  test('the first claim makes the group: at the beginning, or after the latest event', async () => {
    const { at, one } = await open()
    const until = at.now() + 1_000
    expect(await one.claim()).toEqual({ status: 'claimed', epoch: 1, position: 0, until, parked: [] })
    const late = new Follower(at, 'one', 'late')
    expect(await late.claim({ start: 'now' })).toMatchObject({ epoch: 1, position: 3 })
    // Where there is a group, it stands where it stands.
    expect(await one.claim({ start: 'now' })).toMatchObject({ position: 0 })
  })

  test('one consumer at a time: others are told which has it, and until when', async () => {
    const { at, one, two } = await open()
    const { until } = await one.take()
    const busy = { status: 'busy', consumer: 'one', until }
    expect(await two.claim()).toEqual(busy)
    await at.advance(999)
    expect(await two.claim()).toEqual(busy)
    expect(await one.state()).toMatchObject({ consumer: 'one', until })
    await at.advance(1)
    expect(await two.claim()).toMatchObject({ status: 'claimed', epoch: 2, until: at.now() + 1_000 })
    expect(await one.state()).toMatchObject({ consumer: 'two', until: at.now() + 1_000 })
  })

  test('the consumer that had the lease keeps the epoch: renewed in time, or after it ran out', async () => {
    const { at, one, two } = await open()
    await one.take()
    await at.advance(900)
    expect(await one.take()).toMatchObject({ epoch: 1, until: at.now() + 1_000 })
    await at.advance(5_000)
    expect(await one.take({ leaseMs: 300 })).toMatchObject({ epoch: 1, until: at.now() + 300 })
    await at.advance(300)
    expect(await two.take()).toMatchObject({ epoch: 2 })
    await at.advance(1_000)
    expect(await one.take()).toMatchObject({ epoch: 3 })
  })

  test('after another consumer has taken the lease the old epoch is fenced, and changes nothing', async () => {
    const { at, one, two } = await open()
    await one.take()
    await at.advance(1_000)
    await two.take()
    const before = await one.state()
    const park = [await one.parked(1)]
    expect(await one.acknowledge({ position: 3, park, leaseMs: 9_000 })).toEqual({ status: 'fenced' })
    // Also with an epoch that it never had.
    for (const epoch of [0, 2, 3])
      expect(await one.acknowledge({ epoch, position: 3 })).toEqual({ status: 'fenced' })
    expect(await two.acknowledge({ epoch: 1, position: 3 })).toEqual({ status: 'fenced' })
    expect(await one.state()).toEqual(before)
    expect(await two.acknowledge({ position: 1 })).toMatchObject({ status: 'acknowledged' })
  })

  test('a lease that has merely run out is still its owner’s', async () => {
    const { at, one, two } = await open()
    await one.take()
    await at.advance(60_000)
    expect(await one.acknowledge({ position: 2 })).toEqual({
      status: 'acknowledged',
      until: at.now() + 1_000,
      first: 1,
    })
    expect(await two.claim()).toMatchObject({ status: 'busy' })
    expect(await one.state()).toMatchObject({ position: 2 })
  })

  test('a lease that is given up ends now, and another goes on where it stood', async () => {
    const { at, one, two } = await open()
    await one.take()
    expect(await one.acknowledge({ position: 2, leaseMs: 0 })).toMatchObject({ until: at.now() })
    expect(await one.state()).toMatchObject({ consumer: 'one', until: at.now() })
    expect(await two.take()).toMatchObject({ epoch: 2, position: 2 })
    expect(await one.acknowledge({ position: 3 })).toEqual({ status: 'fenced' })
  })

  test('the position only grows, and not beyond the latest event', async () => {
    const { one } = await open()
    await one.take()
    for (const [position, stands] of [
      [2, 2],
      [1, 2],
      [99, 3],
      [0, 3],
    ] as const) {
      expect(await one.acknowledge({ position })).toMatchObject({ status: 'acknowledged' })
      expect(await one.state()).toMatchObject({ position: stands })
    }
  })

  test('groups know nothing of each other', async () => {
    const { at, one } = await open()
    const other = new Follower(at, 'two', 'other')
    await one.take()
    await other.take()
    await one.acknowledge({ position: 3, park: [await one.parked(2, { retryAt: null })] })
    expect(await other.state()).toMatchObject({ position: 0, consumer: 'two', parked: 0, dead: 0 })
    expect(await other.take()).toMatchObject({ epoch: 1, position: 0, parked: [] })
  })

  test('in a batch each comes after what the one before it did', async () => {
    const { at, one, two } = await open()
    const claim = { group: 'g', leaseMs: 1_000, start: 'beginning' as const }
    const { answers, now, sequence } = await at.doneGroups('claim', [
      { ...claim, consumer: 'one', leaseMs: 0 },
      { ...claim, consumer: 'two' },
      { ...claim, consumer: 'one' },
      { ...claim, consumer: 'two', start: 'now' },
    ])
    expect({ now, sequence }).toEqual({ now: at.now(), sequence: 3 })
    expect(answers).toMatchObject([
      { status: 'claimed', epoch: 1 },
      { status: 'claimed', epoch: 2 },
      { status: 'busy', consumer: 'two' },
      { status: 'claimed', epoch: 2, position: 0 },
    ])
    one.epoch = 1
    two.epoch = 2
    const acknowledged = await at.doneGroups('acknowledge', [
      two.acknowledgement({ position: 1 }),
      one.acknowledgement({ position: 3 }),
      two.acknowledgement({ position: 2, leaseMs: 0 }),
    ])
    expect(acknowledged.answers).toMatchObject([
      { status: 'acknowledged', until: at.now() + 1_000 },
      { status: 'fenced' },
      { status: 'acknowledged', until: at.now() },
    ])
    expect(await two.state()).toMatchObject({ position: 2 })
  })

  test('after the deadline nothing is changed; what changes nothing is answered', async () => {
    const { at, one, two } = await open()
    const late = { deadline: at.now() - 1 }
    const op = { group: 'g', consumer: 'one', leaseMs: 1_000, start: 'now' as const }
    expect(await at.askGroups('claim', op, late)).toEqual({ status: 'retry' })
    expect(await one.state()).toBeUndefined()
    expect(await at.askGroups('acknowledge', one.acknowledgement(), late)).toEqual({ status: 'gone' })
    await one.take()
    const before = await one.state()
    expect(await at.askGroups('claim', { ...op, leaseMs: 5_000 }, late)).toEqual({ status: 'retry' })
    expect(await at.askGroups('claim', { ...op, consumer: 'two' }, late)).toMatchObject({ status: 'busy' })
    expect(await at.askGroups('acknowledge', one.acknowledgement({ position: 3 }), late)).toEqual({
      status: 'retry',
    })
    expect(await at.askGroups('acknowledge', two.acknowledgement({ position: 3 }), late)).toEqual({
      status: 'fenced',
    })
    expect(await one.state()).toEqual(before)
  })

  test('time never runs backwards: what was written later, and what the caller has seen', async () => {
    const { at, one, two } = await open()
    const { until } = await one.take({ leaseMs: 2_000 })
    await at.advance(-5_000)
    expect(await one.acknowledge({ leaseMs: 1_000 })).toMatchObject({ until: until - 1_000 })
    expect(await two.claim()).toMatchObject({ status: 'busy' })
    const claim = { group: 'g', consumer: 'two', leaseMs: 10, start: 'now' as const }
    const { now, answers } = await at.doneGroups('claim', [claim], { minTime: until })
    expect(now).toBe(until)
    expect(answers).toMatchObject([{ status: 'claimed', epoch: 2, until: until + 10 }])
  })
})
