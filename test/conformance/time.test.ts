import { expect, test } from 'vitest'
import { Follower } from '../support/group-consumer.js'
import { openPort, rulesOf, TOKEN } from '../support/port-sale.js'
import { Room } from '../support/room.js'
import { idIn, onBothEngines, order } from '../support/shop.js'

const HOUR = 3_600_000

/** What a server does whose clock was an hour ahead, and is put right. */
onBothEngines((openShop, kind) => {
  const port = async () => (await openPort(await kind.make()))[0]!

  test('a hold expires: its time takes twice as long at most', async () => {
    const shop = await openShop({ stock: { a: 1 } })
    await shop.advance(HOUR)
    await shop.hold('u', 1, { holdMs: 1_000 })
    await shop.advance(-HOUR)
    expect(await shop.reserve('v')).toMatchObject({ status: 'sold_out' })
    // Handles of their own: one that was refused remembers it for a moment of the process' clock,
    // which is never set back.
    const asks = { buyer: 'v', items: [{ sku: 'a', quantity: 1 }] }
    await shop.advance(1_999)
    expect(await shop.handle().reserve(asks)).toMatchObject({ status: 'sold_out' })
    await shop.advance(1)
    expect(await shop.handle().reserve(asks)).toMatchObject({ status: 'reserved' })
    await shop.audited()
  })

  test('a sale opens and closes', async () => {
    const start = (await openShop()).now()
    const shop = await openShop({ opensAt: start + HOUR + 1_000, closesAt: start + HOUR + 2_000 })
    await shop.advance(HOUR)
    expect(await shop.reserve('u')).toMatchObject({ status: 'not_started' })
    await shop.advance(-HOUR)
    expect(await shop.reserve('u')).toMatchObject({ status: 'not_started' })
    await shop.advance(2_000)
    expect(await shop.reserve('u')).toMatchObject({ status: 'reserved' })
    await shop.advance(2_000)
    expect(await shop.reserve('u')).toMatchObject({ status: 'ended' })
  })

  test('a visitor is admitted', async () => {
    const room = await Room.open(await kind.make(), {}, { rate: 1_000, burst: 1 })
    await room.advance(HOUR)
    const crowd = await room.crowd(2)
    await room.come(crowd)
    await room.advance(-HOUR)
    // Two seconds of time, until the line is settled and there is a token again.
    expect((await room.pass(4_000, crowd)).of).toMatchObject({
      u1: { status: 'admitted' },
      u2: { status: 'admitted' },
    })
  })

  test('a consumer that is gone is replaced', async () => {
    const at = await port()
    const [one, two] = [new Follower(at, 'one'), new Follower(at, 'two')]
    await at.advance(HOUR)
    await one.take({ leaseMs: 1_000 })
    await at.advance(-HOUR)
    expect(await two.claim()).toMatchObject({ status: 'busy' })
    await at.advance(1_999)
    expect(await two.claim()).toMatchObject({ status: 'busy' })
    await at.advance(1)
    expect(await two.claim()).toMatchObject({ status: 'claimed' })
  })

  test('a consumer that is gone is replaced, though the sale is told nothing', async () => {
    const at = await port()
    const [one, two] = [new Follower(at, 'one'), new Follower(at, 'two')]
    await at.advance(HOUR)
    await one.take({ leaseMs: 2 * HOUR })
    await at.hold('u', [[0, 1]])
    await at.advance(-HOUR)
    expect(await two.claim()).toMatchObject({ status: 'busy' })
    await at.advance(4 * HOUR)
    expect(await two.claim()).toMatchObject({ status: 'claimed' })
  })

  test('once the clock has caught up, time is the clock again', async () => {
    const at = await port()
    await at.advance(1_000)
    await at.done('sweep', [{}])
    await at.hold('u', [[0, 1]])
    await at.advance(-1_000)
    const begun = at.now()
    expect(await at.done('sweep', [{}])).toMatchObject({ now: begun + 1_000, clock: begun })
    await at.advance(1_999)
    expect(await at.done('get', [{ id: 'none' }])).toMatchObject({ now: begun + 1_999 })
    await at.advance(1)
    for (const by of [0, 1, 1, 500]) {
      await at.advance(by)
      expect(await at.done('sweep', [{}])).toMatchObject({ now: at.now(), clock: at.now() })
    }
  })

  test('goes at half the pace however often it is written down, and never faster', async () => {
    const [at] = await openPort(await kind.make(), { stock: { a: 100 } })
    await at!.advance(10)
    await at!.hold('before', [[0, 1]])
    await at!.advance(-10)
    const begun = at!.now()
    for (let ms = 0; ms < 25; ms++) {
      const hold = order(idIn(`b${ms}`, 1), { buyer: `b${ms}` })
      const { now, clock } = await at!.done('reserve', [hold])
      expect([now - begun, clock - begun]).toEqual([Math.max(ms, 10 + Math.floor(ms / 2)), ms])
      await at!.advance(1)
    }
  })

  test('that a caller has seen is kept by whatever may write, and goes on at half the pace', async () => {
    const at = await port()
    const begun = at.now()
    expect(await at.done('sweep', [{}], { minTime: begun + 100 })).toMatchObject({
      now: begun + 100,
      clock: begun,
    })
    for (const [by, told] of [
      [0, 100],
      [1, 100],
      [1, 101],
      [100, 151],
      [96, 199],
      [2, 200],
      [1, 201],
    ] as const) {
      await at.advance(by)
      expect((await at.done('sweep', [{}])).now - begun).toBe(told)
    }
  })

  test('what only reads tells the same time, and does not keep it', async () => {
    const at = await port()
    await at.hold('u', [[0, 1]])
    const begun = at.now()
    await at.advance(-100)
    for (const by of [0, 50, 40]) {
      await at.advance(by)
      expect(await at.done('get', [{ id: 'none' }])).toMatchObject({ now: begun })
    }
    await at.done('sweep', [{}])
    await at.advance(4)
    expect(await at.done('get', [{ id: 'none' }])).toMatchObject({ now: begun + 2 })
    expect(await at.done('get', [{ id: 'none' }])).toMatchObject({ now: begun + 2 })
  })

  test('a call that is not carried out is told the clock, by which its caller counts deadlines', async () => {
    const at = await port()
    await at.hold('u', [[0, 1]])
    await at.advance(-10_000)
    const now = at.now()
    const lastSeen = { generation: 1, sequence: 99, batchId: 'lost' }
    expect(await at.run('get', [{ id: 'none' }], { lastSeen })).toEqual({ outcome: 'rolled_back', now })
    expect(await at.run('sweep', [{}], { incarnation: 'another' })).toEqual({ outcome: 'lost', now })
    const send = { to: 1, wants: [], received: [[0, 1]] as const }
    expect(await at.run('send', [send])).toEqual({ outcome: 'rolled_back', now })
    expect(await at.run('sweep', [{}])).toEqual({ outcome: 'rolled_back', now })
  })

  test('is told by what describes a sale or a room, or finds that it is there', async () => {
    const [at, begun] = await port().then((opened) => [opened, opened.now()] as const)
    await at.advance(100)
    await at.hold('u', [[0, 1]])
    await at.advance(-50)
    const told = { now: begun + 100, clock: begun + 50 }
    expect(await at.done('describe', [{}])).toMatchObject(told)
    expect(
      await at.done('create', [{ rules: rulesOf({}), incarnation: TOKEN, complete: true }], {
        incarnation: null,
      }),
    ).toMatchObject(told)
    expect(await at.done('describe', [{}], { minTime: begun + 200 })).toMatchObject({ now: begun + 200 })

    const room = await Room.open(await kind.make())
    await room.advance(100)
    await room.done('join', [{ buyer: 'u' }])
    await room.advance(-50)
    const { now, clock } = await room.done('describe', [{}])
    expect([now - room.now(), clock]).toEqual([50, room.now()])
  })

  test('a deadline is a moment of the clock: time that is ahead of it makes no call late', async () => {
    const at = await port()
    await at.hold('u', [[0, 1]])
    await at.advance(-10_000)
    const deadline = at.now() + 5
    await at.advance(5)
    expect(await at.ask('reserve', order(idIn('v', 1), { buyer: 'v' }), { deadline })).toMatchObject({
      status: 'reserved',
    })
    await at.advance(1)
    expect(await at.ask('reserve', order(idIn('w', 1), { buyer: 'w' }), { deadline })).toEqual({
      status: 'retry',
    })
  })
})
