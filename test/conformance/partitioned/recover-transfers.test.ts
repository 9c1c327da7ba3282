import { expect, test } from 'vitest'
import { mintId } from '../../../src/sale/partitions.js'
import { onRedis } from '../../support/engines.js'
import { onBothPartitioned, PartitionedShop } from '../../support/partitioned.js'
import { faultOf } from '../../support/secrets.js'
import { snapshot } from '../../support/snapshot.js'

const a = (quantity: number) => [{ sku: 'a', quantity }]

/** Reservations of buyers in partition 1, and buyers in partitions 1 and 2 who are to have them. */
async function reserved(shop: PartitionedShop, count: number) {
  const [near, far] = [await shop.buyerIn(1), await shop.buyerIn(2)]
  const all: { readonly id: string; readonly guest: string }[] = []
  for (let i = 0; i < count; i++) {
    const guest = await shop.buyerIn(1)
    const result = await shop.sale.reserve({ buyer: guest, items: a(1), key: 'k' })
    if (result.status !== 'reserved') expect.fail(result.status)
    all.push({ id: result.reservation.id, guest })
  }
  return { near, far, all }
}

onBothPartitioned((open) => {
  test('a reservation on its way arrives before the sale goes on', async () => {
    const shop = await open({ stock: { a: 8 }, holdMs: 60_000, limitPerBuyer: 2 })
    const { far, all } = await reserved(shop, 2)
    const newId = mintId(await shop.token(), far, 4)
    const { id } = all[0]!
    await shop.ask(1, 'transfer', { id, wish: { receiver: far, newId, from: null } })
    await shop.freeze(2)
    await faultOf(shop.sale.get(id), 'ROLLBACK_DETECTED')
    await shop.sale.recover({ from: 'replay' })
    expect(await shop.sale.get(id)).toMatchObject({ id: newId, buyer: far, state: 'held' })
    expect((await shop.sale.stats()).skus.a).toMatchObject({ available: 6, held: 2, inTransit: 0 })
    await shop.audited()
  })

  /** An order of partition 1, which is in partition 2: partition 1 has forgotten that. */
  async function forgotten() {
    const shop = await open({ stock: { a: 8 }, holdMs: 60_000, limitPerBuyer: 2 })
    const { far, near, all } = await reserved(shop, 1)
    const { id } = all[0]!
    await shop.sale.confirm(id, { paymentId: 'p' })
    const before = await shop.ask(1, 'get', { id })
    if (before.status !== 'found') expect.fail(before.status)
    const newId = mintId(await shop.token(), far, 4)
    const departure = { reservation: before.reservation, late: false, earlier: null }
    expect(await shop.ask(2, 'arrive', { id: newId, receiver: far, departure })).toMatchObject({
      ...{ status: 'arrived', reservation: { origin: { id, transfers: 1, at: expect.any(Number) } } },
    })
    return { shop, id, near, far, newId }
  }

  test.each(['accept', 'replay'] as const)(
    'a payment is one order after %s, where a partition has forgotten a transfer and no process knows of it',
    async (from) => {
      const { shop, id, far, newId } = await forgotten()
      await shop.freeze(1)
      expect(await shop.handle().recover({ from })).toMatchObject({ refused: [] })
      expect(await shop.sale.get(id)).toMatchObject({ id: newId, buyer: far, state: 'confirmed' })
      const { total, available, confirmed, inTransit } = (await shop.sale.stats()).skus.a!
      expect([total, available, confirmed, inTransit]).toEqual([8, 7, 1, 0])
      expect(await shop.sale.confirm(id, { paymentId: 'p' })).toMatchObject({ status: 'confirmed' })
      await shop.audited()
    },
  )

  test('the buyer who got an order last keeps it, and the other one is named', async () => {
    const { shop, id, near, newId } = await forgotten()
    await shop.advance(5)
    const moved = await shop.handle().transfer(id, { to: near })
    if (moved.status !== 'transferred') expect.fail(moved.status)
    await shop.freeze(1)
    const { refused } = await shop.handle().recover({ from: 'accept' })
    expect(refused).toMatchObject([{ reservation: { id: newId, state: 'confirmed' }, reason: 'transferred' }])
    for (const one of [id, newId, moved.reservation.id])
      expect(await shop.sale.get(one)).toMatchObject({ id: moved.reservation.id, buyer: near })
    expect((await shop.sale.stats()).skus.a).toMatchObject({ total: 8, confirmed: 1, inTransit: 0 })
    await shop.audited()
  })
})

onRedis('a master that came back older, or without its partitions', (kind) => {
  const fates = [[1], [2], [1, 2]].flatMap((partitions) =>
    [false, true].map((lost) => ({ partitions, lost })),
  )
  test.each(fates)(
    '$partitions, lost: $lost; the handle that knows puts all back',
    async ({ partitions, lost }) => {
      const shop = new PartitionedShop(await kind.make(), 4)
      await shop.sale.create({ stock: { a: 12 }, holdMs: 60_000, partitions: 4, limitPerBuyer: 3 })
      const { near, far, all } = await reserved(shop, 6)
      await shop.sale.confirm(all[3]!.id, { paymentId: 'p3' })
      await shop.sale.confirm(all[3]!.id, { paymentId: 'p3b' })
      await shop.sale.confirm(all[4]!.id, { paymentId: 'p4' })
      const client = kind.client()
      const patterns = partitions.map((partition) => `*:launch:${partition}[:}]*`)
      const putBack = await snapshot(client, ...patterns)
      const present = new Map<string, string>()
      for (const [i, to] of [near, far, far, near, far].entries()) {
        const moved = await shop.sale.transfer(all[i]!.id, { to })
        if (moved.status !== 'transferred') expect.fail(moved.status)
        present.set(all[i]!.id, moved.reservation.id)
      }
      const states = async () => {
        const found = await Promise.all(all.map(({ id }) => shop.sale.get(id)))
        return found.map((one) => ({ ...one, createdAt: 0, expiresAt: 0 }))
      }
      const before = await states()
      if (lost) for (const pattern of patterns) await client.del(...(await client.keys(pattern)))
      else await putBack()
      await faultOf(shop.sale.stats(), lost ? 'STATE_LOST' : 'ROLLBACK_DETECTED')
      for (const unfreeze of [false, true])
        expect(await shop.sale.recover({ from: 'replay', unfreeze })).toMatchObject({ refused: [] })
      expect(await states()).toEqual(before)
      const { total, held, confirmed, inTransit } = (await shop.sale.stats()).skus.a!
      expect([held, confirmed, inTransit]).toEqual([4, 2, 0])
      // Units that were in two places at once stay in the sale.
      expect(total).toBeGreaterThanOrEqual(12)
      for (const [old, id] of present) expect((await shop.sale.get(old))?.id).toBe(id)
      expect(await shop.sale.confirm(all[3]!.id, { paymentId: 'p3' })).toMatchObject({ status: 'confirmed' })
      expect(await shop.sale.confirm(all[3]!.id, { paymentId: 'p3b' })).toMatchObject({
        status: 'refund_due',
      })
      expect(await shop.sale.confirm(present.get(all[3]!.id)!, { paymentId: 'p3b' })).toMatchObject({
        status: 'refund_due',
      })
      const pages = await Promise.all(
        [0, 1, 2, 3].map((index) => shop.ask(index, 'events', { after: 0, reservations: false })),
      )
      const due = pages.flatMap(({ events }) => events).filter(({ type }) => type === 'refund_due')
      expect(due).toHaveLength(1)
      expect(await shop.sale.confirm(all[0]!.id, { paymentId: 'p0' })).toMatchObject({ status: 'confirmed' })
      expect(await shop.sale.reserve({ buyer: near, items: a(2) })).toMatchObject({
        status: 'limit_exceeded',
      })
      expect(await shop.sale.reserve({ buyer: all[1]!.guest, items: a(1), key: 'k' })).toMatchObject({
        ...{ status: 'reserved', replayed: true, reservation: { buyer: far } },
      })
      await shop.audited()
    },
  )
})
