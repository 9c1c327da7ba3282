import { expect, test } from 'vitest'
import stockMoves from '../../src/redis-engine/sale/concerns/stock_moves.lua'
import { onBothEngines, type Shop } from '../support/shop.js'

/** A call that has moved so many lines leaves its other items for the next call. */
const LINES_A_CALL = Number(/LINES_AT_ONCE = (\d+)/.exec(stockMoves)![1])
const names = Array.from({ length: LINES_A_CALL }, (_, i) => `part-${i}`)
const whole = names.map((sku) => ({ sku, quantity: 1 }))
const tea = [{ sku: 'tea', quantity: 1 }]
const stock = { ...Object.fromEntries(names.map((sku) => [sku, 100])), tea: 100 }

const hold = async (shop: Shop, buyer: string, items = tea) => (await shop.hold(buyer, items)).id

onBothEngines((open) => {
  test('payments of one turn are carried out in their order, however large the carts before them', async () => {
    const shop = await open({ stock })
    const large = [await hold(shop, 'ann', whole), await hold(shop, 'bob', whole)]
    const small = await Promise.all(Array.from({ length: 40 }, (_, i) => hold(shop, `buyer-${i}`)))
    const pay = (id: string, paymentId = `of ${id}`) => shop.sale.confirm(id, { paymentId })
    const [first, ...others] = small as [string, ...string[]]
    const told = await Promise.all([
      ...large.map((id) => pay(id)),
      pay(first, 'first'),
      ...others.map((id) => pay(id)),
      pay(first, 'second'),
    ])
    expect(told[large.length]).toMatchObject({ status: 'confirmed', reservation: { paymentId: 'first' } })
    expect(told.at(-1)).toMatchObject({ status: 'refund_due', reason: 'duplicate_payment' })
  })

  test('of two changes of a hold in one turn the later one stays', async () => {
    const shop = await open({ stock })
    const large = [await hold(shop, 'ann', whole), await hold(shop, 'bob', whole)]
    const small = await Promise.all(Array.from({ length: 40 }, (_, i) => hold(shop, `buyer-${i}`)))
    const change = (id: string, quantity: number) =>
      shop.sale.amend(id, { items: [{ sku: 'tea', quantity }] })
    await Promise.all([
      ...large.map((id) => change(id, 1)),
      ...small.map((id) => change(id, 2)),
      change(small[0]!, 3),
    ])
    expect(await shop.sale.get(small[0]!)).toMatchObject({ items: [{ sku: 'tea', quantity: 3 }] })
  })
})
