import { expect, test } from 'vitest'
import type { Reservation } from '../../src/index.js'
import { onBothEngines, type Shop } from '../support/shop.js'

const DAY = 86_400_000
const cart = (sku: string) => [{ sku, quantity: 1 }]

/** Buyers who ask for a seat, all at once; how many get one. */
async function crowd(shop: Shop): Promise<number> {
  const asked = Array.from({ length: 40 }, (_, i) =>
    shop.reserve(`crowd ${i}`, cart('seat'), i % 2 === 0 ? { key: `${Math.random()}` } : {}),
  )
  return (await Promise.all(asked)).filter(({ status }) => status === 'reserved').length
}

/** Offers what has come back to the next in the list. */
async function offer(shop: Shop, list: string[]): Promise<Reservation | undefined> {
  const [buyer] = list
  if (buyer === undefined) return undefined
  const result = await shop.reserve(buyer, cart('seat:returned'), { key: 'offer', holdMs: DAY })
  if (result.status !== 'reserved') return undefined
  list.shift()
  return result.reservation
}

onBothEngines((open) => {
  const sold = async (seats: number) => {
    const skus = { seat: { returnsTo: 'seat:returned' }, 'seat:returned': { always: true } }
    const rules = { stock: { seat: seats, 'seat:returned': 0 }, skus, holdMs: 1_000, maxHoldMs: DAY }
    const shop = await open(rules)
    const orders: Reservation[] = []
    for (let i = 0; i < seats; i++) orders.push(await shop.confirmed(`owner ${i}`, cart('seat')))
    return { shop, orders }
  }

  test('a list gets what comes back, in order; of a crowd that hammers, no buyer gets any', async () => {
    const { shop, orders } = await sold(3)
    const list = ['ann', 'bob', 'cid', 'dan', 'eve']
    const offers: string[] = []
    let got = 0
    for (const { id } of orders) {
      const [before, , after] = await Promise.all([
        crowd(shop),
        shop.sale.refund(id, { restock: true }),
        crowd(shop),
      ])
      got += before + after
      const made = await offer(shop, list)
      if (made) offers.push(made.buyer)
      got += await crowd(shop)
    }
    expect(offers).toEqual(['ann', 'bob', 'cid'])
    expect(await offer(shop, list)).toBeUndefined()
    expect(got).toBe(0)
    expect(await shop.counts('seat')).toBe('0 0 0 0')
    expect(await shop.counts('seat:returned')).toBe('3 0 3 0')
    await shop.audited()
  })

  test('an offer that expires or is declined goes to the next in the list; one that is paid stays', async () => {
    const { shop, orders } = await sold(2)
    const list = ['ann', 'bob', 'cid', 'dan']
    for (const { id } of orders) await shop.sale.refund(id, { restock: true })
    const [ann, bob] = [await offer(shop, list), await offer(shop, list)]
    await shop.advance(DAY - 1)
    expect(await offer(shop, list)).toBeUndefined()
    await shop.sale.confirm(bob!.id)
    await shop.advance(1)
    expect(await crowd(shop)).toBe(0)
    const cid = await offer(shop, list)
    expect(cid).toMatchObject({ buyer: 'cid', state: 'held' })
    await Promise.all([crowd(shop), shop.sale.release(cid!.id), crowd(shop)])
    expect(await offer(shop, list)).toMatchObject({ buyer: 'dan' })
    expect(await shop.sale.confirm(ann!.id)).toMatchObject({ status: 'refund_due', reason: 'sold_out' })
    expect(await shop.counts('seat')).toBe('0 0 0 0')
    expect(await shop.counts('seat:returned')).toBe('2 0 1 1')
    await shop.audited()
  })

  test('a hold of the crowd that expires goes to the list, unless its payment comes first', async () => {
    const { shop } = await sold(0)
    await shop.sale.restock({ sku: 'seat', quantity: 2, key: 'k' })
    const held = await Promise.all(['yan', 'zoe'].map((buyer) => shop.hold(buyer, cart('seat'))))
    await shop.advance(1_000)
    expect(await crowd(shop)).toBe(0)
    expect(await offer(shop, ['ann'])).toMatchObject({ buyer: 'ann' })
    expect(await shop.sale.confirm(held[0]!.id)).toMatchObject({ status: 'confirmed', late: true })
    expect(await shop.sale.confirm(held[1]!.id)).toMatchObject({ status: 'refund_due' })
    expect(await shop.counts('seat')).toBe('1 0 0 1')
    expect(await shop.counts('seat:returned')).toBe('1 0 1 0')
    await shop.audited()
  })
})
