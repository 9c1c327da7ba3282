import { expect, test } from 'vitest'
import { FlashSale, WaitingRoom } from '../../../src/index.js'
import { thrown } from '../../support/invalid.js'
import { Entrance, onBothEngines, SECRET } from '../../support/waiting-room.js'

const items = [{ sku: 'a', quantity: 1 }]
const rejected = (reason: string) => ({ status: 'pass_rejected', reason })
const coupled = { sale: 'phones', ratePerSecond: 10, burst: 10, passMs: 10_000 }

onBothEngines((open, kind) => {
  test('without a pass, with what is none, or with the pass of another: refused with the reason', async () => {
    const door = await open(coupled)
    const sale = door.sale('phones', { waitingRoom: door.room })
    await sale.create({ stock: { a: 10 } })
    await door.join('ann', 'bob')
    const { pass } = await door.admitted('ann')
    expect(await sale.reserve({ buyer: 'ann', items })).toEqual(rejected('missing'))
    for (const no of ['', 'x', door.ticket('ann'), pass.slice(0, -1), `${pass}A`])
      expect(await sale.reserve({ buyer: 'ann', items, pass: no }).catch((e) => e.code)).toEqual(
        no === '' ? expect.anything() : rejected('invalid'),
      )
    expect(await sale.reserve({ buyer: 'bob', items, pass })).toEqual(rejected('invalid'))
    expect((await sale.stats()).skus.a).toMatchObject({ available: 10, held: 0 })
    expect(await sale.reserve({ buyer: 'ann', items, pass })).toMatchObject({ status: 'reserved' })
  })

  test('the pass of another sale or another room', async () => {
    const clock = await kind.make()
    const door = await Entrance.open(clock, coupled, {}, 'one')
    const other = await Entrance.open(clock, { ...coupled, sale: 'tablets' }, {}, 'two')
    const sale = door.sale('phones', { waitingRoom: door.room })
    await sale.create({ stock: { a: 10 } })
    await other.sale('tablets').create({ stock: { a: 10 } })
    await other.join('ann')
    const { pass } = await other.admitted('ann')
    expect(await sale.reserve({ buyer: 'ann', items, pass })).toEqual(rejected('invalid'))
  })

  test('a pass works again and again for its buyer, until it expires', async () => {
    const door = await open(coupled)
    const sale = door.sale('phones', { waitingRoom: door.room })
    // A process that has never seen the buyer: the pass is all it needs.
    const far = door.handle()
    const elsewhere = door.sale('phones', { waitingRoom: far })
    await sale.create({ stock: { a: 10 }, holdMs: 60_000 })
    await door.join('ann')
    const { pass } = await door.admitted('ann')
    const first = await sale.reserve({ buyer: 'ann', items, pass, key: 'k' })
    expect(first).toMatchObject({ status: 'reserved', replayed: false })
    await door.advance(5_000)
    for (const handle of [sale, elsewhere]) {
      expect(await handle.reserve({ buyer: 'ann', items, pass })).toMatchObject({ status: 'reserved' })
      expect(await handle.reserve({ buyer: 'ann', items, pass, key: 'k' })).toMatchObject({ replayed: true })
    }
    await door.advance(4_999)
    expect(await elsewhere.reserve({ buyer: 'ann', items, pass })).toMatchObject({ status: 'reserved' })
    // What this handle has under way is answered by now, and tells no earlier time afterwards.
    await far.stats()
    await door.advance(1)
    for (const handle of [sale, elsewhere])
      expect(await handle.reserve({ buyer: 'ann', items, pass })).toEqual(rejected('expired'))
    expect((await sale.stats()).skus.a).toMatchObject({ held: 4 })
    if (first.status !== 'reserved') expect.fail()
    // The door is for those who come in.
    expect(await sale.confirm(first.reservation.id)).toMatchObject({ status: 'confirmed' })
  })

  test('a pass that was revoked or given up is refused at once, in every process', async () => {
    const door = await open(coupled)
    const far = door.sale('phones', { waitingRoom: door.handle() })
    const sale = door.sale('phones', { waitingRoom: door.room })
    await sale.create({ stock: { a: 10 } })
    await door.join('ann', 'bob')
    const passes = [(await door.admitted('ann')).pass, (await door.admitted('bob')).pass]
    await door.room.revoke('ann')
    await door.room.leave(door.ticket('bob'))
    await door.advance(1_000)
    for (const handle of [sale, far, door.sale('phones', { waitingRoom: door.handle() })]) {
      expect(await handle.reserve({ buyer: 'ann', items, pass: passes[0]! })).toEqual(rejected('invalid'))
      expect(await handle.reserve({ buyer: 'bob', items, pass: passes[1]! })).toEqual(rejected('invalid'))
    }
    // On the handle that did it, there is not even that second.
    await door.join('cid')
    const { pass } = await door.admitted('cid')
    await door.room.leave(door.ticket('cid'))
    expect(await sale.reserve({ buyer: 'cid', items, pass })).toEqual(rejected('invalid'))
  })

  test('a room that knows of no sale lets into any sale that asks for its passes', async () => {
    const door = await open({ burst: 3 })
    const sale = door.sale('phones', { waitingRoom: door.room })
    await sale.create({ stock: { a: 2 } })
    await door.join('ann')
    const { pass } = await door.admitted('ann')
    expect(await sale.reserve({ buyer: 'ann', items, pass })).toMatchObject({ status: 'reserved' })
    expect(await sale.reserve({ buyer: 'ann', items })).toEqual(rejected('missing'))
  })

  test('a sale without a room does not look at passes', async () => {
    const door = await open()
    const sale = door.sale()
    await sale.create({ stock: { a: 2 } })
    expect(await sale.reserve({ buyer: 'ann', items, pass: 'whatever' })).toMatchObject({
      status: 'reserved',
    })
  })

  test('a refusal of the sale itself reaches the buyer with a pass, and leaves the pass as it was', async () => {
    const door = await open(coupled)
    const sale = door.sale('phones', { waitingRoom: door.room })
    await sale.create({ stock: { a: 3 }, limitPerBuyer: 1 })
    await door.join('ann')
    const { pass } = await door.admitted('ann')
    const two = [{ sku: 'a', quantity: 2 }]
    expect(await sale.reserve({ buyer: 'ann', items: two, pass })).toMatchObject({ status: 'limit_exceeded' })
    await door.advance(500)
    expect(await door.room.stats()).toMatchObject({ outstanding: 1 })
    expect(await sale.reserve({ buyer: 'ann', items, pass })).toMatchObject({ status: 'reserved' })
    await sale.pause()
    expect(await sale.reserve({ buyer: 'ann', items, pass })).toMatchObject({ status: 'paused' })
  })

  test('a room that was closed under a sale: CLOSED, and no pass is taken unseen', async () => {
    const door = await open(coupled)
    const room = door.handle()
    const sale = door.sale('phones', { waitingRoom: room })
    await sale.create({ stock: { a: 3 } })
    await door.join('ann')
    const { pass } = await door.admitted('ann')
    await room.close()
    await expect(sale.reserve({ buyer: 'ann', items, pass })).rejects.toMatchObject({ code: 'CLOSED' })
    expect((await sale.stats()).skus.a).toMatchObject({ held: 0 })
  })

  test('what is no room, or the room of another sale, is refused when the sale is opened', async () => {
    const door = await open(coupled)
    const { engine } = door
    for (const waitingRoom of [null, 1, 'room', {}, [], true])
      thrown(() => new FlashSale('phones', { engine, waitingRoom: waitingRoom as never }), 'waitingRoom')
    thrown(() => new FlashSale('tablets', { engine, waitingRoom: door.room }), 'waitingRoom')
    new FlashSale('phones', { engine, waitingRoom: door.room })
    const free = new WaitingRoom('free', { engine, secret: SECRET, ratePerSecond: 1 })
    expect(free.sale).toBeNull()
    new FlashSale('tablets', { engine, waitingRoom: free })
  })
})
