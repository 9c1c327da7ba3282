import { expect, test } from 'vitest'
import { FORGET_AT_ONCE, STOCK_MS } from '../../../src/engine/room.js'
import { admitted, late, onBothEngines } from '../../support/room.js'

const TOKEN = 1_000_000
const coupled = { sale: 'launch' }
const plenty = { rate: 100_000, burst: 50 }

onBothEngines((open) => {
  test('no visitor is admitted before the stock was read', async () => {
    const room = await open(coupled, plenty)
    await room.join('ann')
    expect(await room.come('ann')).toMatchObject({ admitted: 0, capacity: null, closed: null, called: 0 })
    const read = await room.come('ann', { stock: room.stock(5) })
    expect(read).toMatchObject({ admitted: 1, capacity: 5, of: { ann: { status: 'admitted' } } })
  })

  test('never more outstanding than available times overcommit, rounded down', async () => {
    for (const [available, overcommit, capacity] of [
      [3, 1_000, 3],
      [3, 1_200, 3],
      [5, 1_200, 6],
      [7, 500, 3],
      [1, 999, 0],
      [0, 9_000, 0],
    ] as const) {
      const room = await open({ ...coupled, overcommit }, plenty)
      const crowd = await room.crowd(20)
      const tended = await room.come(crowd, { stock: room.stock(available) })
      expect(tended).toMatchObject({ capacity, outstanding: capacity, tokens: (50 - capacity) * TOKEN })
      expect(admitted(tended)).toEqual(crowd.slice(0, capacity))
    }
  })

  test('a turn is outstanding like a pass, and makes room again when it was missed', async () => {
    const room = await open({ ...coupled, claimMs: 3_000 }, plenty)
    await room.crowd(3)
    await room.come(['u1', 'u2', 'u3'], { stock: room.stock(0) })
    expect(await room.tend({ stock: room.stock(2) })).toMatchObject({ turns: [1, 2], outstanding: 2 })
    let tended = await room.come('u3', { stock: room.stock(2) })
    for (let i = 0; i < 5; i++) {
      expect(tended).toMatchObject({ outstanding: 2, of: { u3: { status: 'waiting' } } })
      await room.advance(600)
      tended = await room.come('u3', { stock: room.stock(2) })
    }
    expect(tended).toMatchObject({ turns: [], outstanding: 1, of: { u3: { status: 'admitted' } } })
  })

  test('a pass that has run out makes room', async () => {
    const room = await open({ ...coupled, passMs: 1_500 }, plenty)
    await room.join('ann', 'bob')
    await room.come(['ann', 'bob'], { stock: room.stock(1) })
    await room.advance(1_499)
    expect((await room.come('bob', { stock: room.stock(1) })).outstanding).toBe(1)
    await room.advance(1)
    const tended = await room.come('bob', { stock: room.stock(1) })
    expect(tended).toMatchObject({ outstanding: 1, of: { bob: { status: 'admitted' } } })
  })

  test('passes count no more once they have run out, or their purchases were read, however many they are', async () => {
    const many = 2 * FORGET_AT_ONCE + 300
    const room = await open({ ...coupled, passMs: 5_000 }, { rate: 1_000, burst: many })
    const crowd = await room.crowd(many)
    const all = await room.come(crowd, { stock: room.stock(many) })
    expect(all).toMatchObject({ outstanding: many, admitted: many })
    for (const buyer of crowd.slice(0, FORGET_AT_ONCE + 100)) await room.spend(buyer)
    await room.advance(1_000)
    // The reading is older than the purchases.
    expect(await room.come([], { stock: room.stock(many, 'open', room.now() - 1_000) })).toMatchObject({
      outstanding: many,
    })
    expect(await room.come([], { stock: room.stock(many) })).toMatchObject({
      outstanding: FORGET_AT_ONCE + 200,
    })
    await room.advance(4_000)
    await room.join('later')
    expect(await room.come('later', { stock: room.stock(1) })).toMatchObject({
      ...{ outstanding: 1, capacity: 1, of: { later: { status: 'admitted' } } },
    })
  })

  test('a reading is good for STOCK_MS: a stale one admits no visitor, whatever it says', async () => {
    const room = await open(coupled, plenty)
    await room.join('ann', 'bob')
    await room.tend({ stock: room.stock(9) })
    await room.advance(STOCK_MS)
    expect((await room.come('ann')).of).toMatchObject({ ann: { status: 'admitted' } })
    await room.advance(1)
    expect(await room.come('bob')).toMatchObject({ capacity: 9, of: { bob: { status: 'waiting' } } })
    expect((await room.come('bob', { stock: room.stock(9) })).of).toMatchObject({
      bob: { status: 'admitted' },
    })
  })

  test('tokens are gained without a fresh reading, though no visitor is admitted', async () => {
    const room = await open(coupled, { rate: 1_000, burst: 3 })
    const crowd = await room.crowd(5)
    expect((await room.come(crowd, { stock: room.stock(9) })).tokens).toBe(0)
    await room.advance(2_000)
    expect(await room.come(crowd)).toMatchObject({ tokens: 2 * TOKEN, admitted: 3 })
  })

  test('a reading older than the one known is ignored; one of the same ms is not', async () => {
    const room = await open(coupled, plenty)
    await room.tend({ stock: room.stock(5) })
    expect((await room.tend({ stock: room.stock(9, 'open', room.now() - 1) })).capacity).toBe(5)
    expect((await room.tend({ stock: room.stock(4) })).capacity).toBe(4)
    expect(await room.tend({ stock: room.stock(0, 'ended', room.now() - 1) })).toMatchObject({ closed: null })
    expect(await room.tend()).toMatchObject({ capacity: 4 })
  })

  test('closed: no visitor is admitted, and none is sent away', async () => {
    const room = await open(coupled, plenty)
    await room.join('ann')
    const stock = room.stock(9, 'closed')
    expect(await room.come('ann', { stock })).toMatchObject({
      closed: null,
      capacity: 9,
      of: { ann: { status: 'waiting', ahead: 0 } },
    })
    expect(await room.come('ann', { stock: room.stock(9) })).toMatchObject({ admitted: 1 })
  })

  test('sold out or ended: said so, whether the reading is fresh or not; open again, those still waiting come in order', async () => {
    for (const state of ['sold_out', 'ended'] as const) {
      const room = await open(coupled, plenty)
      const crowd = await room.crowd(4)
      await room.come(['u1'], { stock: room.stock(9) })
      const closed = await room.come(crowd, { stock: room.stock(0, state) })
      expect(closed).toMatchObject({ closed: state, capacity: 0, outstanding: 1, admitted: 1 })
      expect(closed.of).toMatchObject({ u1: { status: 'admitted' }, u2: { status: 'waiting', ahead: 0 } })
      await room.pass(20_000, crowd)
      expect(await room.peek()).toMatchObject({ closed: state, missedTurns: 0 })
      await room.leave('u2')
      const again = await room.come(crowd, { stock: room.stock(2) })
      expect(again.closed).toBeNull()
      expect(again.of).toMatchObject({ u2: { status: 'gone' }, u3: { status: 'admitted' }, u4: { ahead: 0 } })
    }
  })

  test('time without a good reading counts against no visitor', async () => {
    const room = await open({ ...coupled, claimMs: 3_000 }, { rate: 1_000, burst: 2 })
    const crowd = await room.crowd(4)
    await room.pass(2_000)
    await room.come(crowd.slice(0, 3), { stock: room.stock(9) })
    await room.advance(1_000)
    expect((await room.tend({ stock: room.stock(9) })).turns).toEqual([3])
    await room.pass(30_000)
    await room.pass(20_000, [], { stock: room.stock(0, 'sold_out') })
    expect((await room.tend({ stock: room.stock(9) })).turns).toEqual([3])
    expect(await room.come(['u3', 'u4'])).toMatchObject({
      missedTurns: 0,
      of: { u3: { status: 'admitted' } },
    })
  })

  test('a used pass is outstanding until a later reading shows what was bought, and stays valid', async () => {
    const room = await open(coupled, plenty)
    await room.join('ann', 'bob', 'cid')
    await room.come(['ann', 'bob', 'cid'], { stock: room.stock(2) })
    await room.advance(100)
    expect(await room.spend('ann')).toEqual({ status: 'spent' })
    // Read at the very ms of the use: perhaps before it.
    expect(await room.come('cid', { stock: room.stock(2) })).toMatchObject({ outstanding: 2, admitted: 2 })
    await room.advance(1)
    expect(await room.spend('ann')).toEqual({ status: 'spent' })
    const stock = room.stock(1)
    expect(await room.come(['ann', 'cid'], { stock })).toMatchObject({
      outstanding: 1,
      of: { ann: { status: 'admitted' }, cid: { status: 'waiting' } },
    })
    expect(await room.spend('ann')).toEqual({ status: 'spent' })
    await room.advance(1)
    expect(await room.tend({ stock: room.stock(1) })).toMatchObject({ outstanding: 1 })
    expect((await room.come('cid', { stock: room.stock(2) })).of).toMatchObject({
      cid: { status: 'admitted' },
    })
  })

  test('a reading that is ignored shows nothing', async () => {
    const room = await open(coupled, plenty)
    await room.join('ann')
    await room.advance(50)
    await room.come('ann', { stock: room.stock(2, 'open', room.now() - 9) })
    await room.spend('ann')
    await room.advance(20)
    expect((await room.tend({ stock: room.stock(2, 'open', room.now() - 30) })).outstanding).toBe(1)
    expect((await room.tend({ stock: room.stock(2, 'open', room.now() - 19) })).outstanding).toBe(0)
  })

  test('a reading from the future, by a clock that went wrong, is of now: the next one counts', async () => {
    const room = await open(coupled, plenty)
    await room.tend({ stock: room.stock(9, 'open', room.now() + 60_000) })
    await room.advance(1)
    expect(await room.tend({ stock: room.stock(0, 'sold_out') })).toMatchObject({ closed: 'sold_out' })
  })

  test('spend: only of a visitor with a pass, in this visit', async () => {
    const room = await open(coupled, plenty)
    await room.join('ann', 'bob')
    await room.come('ann', { stock: room.stock(9) })
    expect(await room.spend('bob')).toEqual({ status: 'gone' })
    expect(await room.spend('ann', 2)).toEqual({ status: 'gone' })
    expect(await room.ask('spend', { buyer: 'nobody', visitId: 1 })).toEqual({ status: 'gone' })
    expect(await room.ask('spend', { buyer: 'ann', visitId: 1 }, late)).toEqual({ status: 'retry' })
    expect(await room.spend('ann')).toEqual({ status: 'spent' })
    expect(await room.ask('spend', { buyer: 'ann', visitId: 1 }, late)).toEqual({ status: 'spent' })
    await room.revoke('ann')
    expect(await room.spend('ann')).toEqual({ status: 'gone' })
  })

  test('a used pass that has run out stays outstanding until a reading shows what was bought', async () => {
    const room = await open({ ...coupled, passMs: 900 }, plenty)
    await room.join('ann', 'bob')
    const stock = room.stock(1, 'open', room.now() + 500)
    await room.come('ann', { stock })
    await room.advance(800)
    expect(await room.spend('ann')).toEqual({ status: 'spent' })
    await room.advance(100)
    expect(await room.spend('ann')).toEqual({ status: 'gone' })
    expect(await room.come('bob')).toMatchObject({ outstanding: 1, of: { bob: { status: 'waiting' } } })
    expect(await room.tend({ stock: room.stock(0) })).toMatchObject({ outstanding: 0, capacity: 0 })
  })

  test('a room without a sale has no capacity to reach', async () => {
    const room = await open({}, plenty)
    const crowd = await room.crowd(50)
    expect(admitted(await room.come(crowd))).toHaveLength(50)
    expect(await room.peek()).toMatchObject({ capacity: null, outstanding: 50 })
  })
})
