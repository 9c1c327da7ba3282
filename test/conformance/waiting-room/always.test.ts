import { expect, test } from 'vitest'
import { onBothEngines } from '../../support/waiting-room.js'

const HOUR = 3_600_000
const options = { ratePerSecond: 100, burst: 50, sale: 'phones', overcommit: 1 }
const cart = (...skus: string[]) => skus.map((sku) => ({ sku, quantity: 1 }))

onBothEngines((open) => {
  test('what is always sold needs no pass; a cart with anything else does', async () => {
    const door = await open(options)
    const sale = door.sale('phones', { waitingRoom: door.room })
    await sale.create({ stock: { a: 5, staff: 5 }, skus: { staff: { always: true } } })
    const [clerk] = await door.crowd(1)
    const buyer = clerk!
    expect(await sale.reserve({ buyer, items: cart('staff') })).toMatchObject({ status: 'reserved' })
    const missing = { status: 'pass_rejected', reason: 'missing' }
    expect(await sale.reserve({ buyer, items: cart('a') })).toStrictEqual(missing)
    expect(await sale.reserve({ buyer, items: cart('a', 'staff') })).toStrictEqual(missing)
    const { pass } = await door.admitted(buyer)
    const held = await sale.reserve({ buyer, pass, items: cart('a', 'staff') })
    if (held.status !== 'reserved') expect.fail(held.status)
    const amend = (items: ReturnType<typeof cart>) => sale.amend(held.reservation.id, { items })
    expect(await amend([...cart('a'), ...cart('staff', 'staff')])).toMatchObject({ status: 'amended' })
    expect(await amend(cart('a', 'a'))).toStrictEqual(missing)
  })

  test('a process that knows older rules sells nothing without a pass any more', async () => {
    const door = await open(options)
    const sale = door.sale('phones', { waitingRoom: door.room })
    await sale.create({ stock: { a: 5, staff: 5 }, skus: { staff: { always: true } } })
    const elsewhere = door.sale('phones', { waitingRoom: door.room })
    await elsewhere.stats()
    await sale.update({ skus: { staff: { always: null } } })
    expect(await elsewhere.reserve({ buyer: 'clerk', items: cart('staff') })).toStrictEqual({
      ...{ status: 'pass_rejected', reason: 'missing' },
    })
  })

  test('the room counts what a pass can buy at this moment', async () => {
    const door = await open(options)
    const sale = door.sale('phones', { waitingRoom: door.room })
    const noon = door.now() + HOUR
    const skus = { a: { opensAt: noon }, members: { closesAt: noon }, staff: { always: true } }
    await sale.create({ stock: { a: 7, members: 2, staff: 5 }, skus, closesAt: noon + 2 * HOUR })
    const [ann, bob] = await door.crowd(2)
    await door.admitted(ann!)
    expect(await door.room.stats()).toMatchObject({ capacity: 2 })
    await door.advance(HOUR)
    await door.admitted(bob!)
    expect(await door.room.stats()).toMatchObject({ capacity: 7 })
    await sale.update({ skus: { a: { closesAt: noon + 1 } } })
    await door.advance(10_000)
    await door.come(await door.crowd(1))
    expect(await door.room.stats()).toMatchObject({ capacity: 0 })
  })

  test('holds whose units return to another SKU do not come back', async () => {
    const door = await open(options)
    const sale = door.sale('phones', { waitingRoom: door.room })
    const skus = { a: { returnsTo: 'list' }, list: { always: true } }
    await sale.create({ stock: { a: 1, list: 0 }, skus })
    const [ann] = await door.crowd(1)
    const { pass } = await door.admitted(ann!)
    const held = await sale.reserve({ buyer: ann!, pass, items: cart('a') })
    if (held.status !== 'reserved') expect.fail(held.status)
    await door.advance(10_000)
    await door.come(await door.crowd(1))
    expect(await door.room.stats()).toMatchObject({ state: 'sold_out', capacity: 0 })
    await sale.release(held.reservation.id)
    await door.advance(10_000)
    await door.come(await door.crowd(1))
    expect(await door.room.stats()).toMatchObject({ state: 'sold_out', capacity: 0 })
    expect(await sale.reserve({ buyer: 'bob', items: cart('list') })).toMatchObject({ status: 'reserved' })
  })
})
