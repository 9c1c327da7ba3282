import { expect, test } from 'vitest'
import { mintId, partitionForBuyer } from '../../../src/sale/partitions.js'
import { onRedis } from '../../support/engines.js'
import type { Batch } from '../../support/faulty-engine.js'
import { faultyEngine, mortalEngine } from '../../support/faulty-engine.js'
import { onBothPartitioned, PartitionedShop } from '../../support/partitioned.js'

const a = (quantity: number) => [{ sku: 'a', quantity }]
const rules = { stock: { a: 20 }, holdMs: 60_000, limitPerHousehold: 3 }

/** A household whose reservations are in this partition. */
async function householdIn(shop: PartitionedShop, partition: number): Promise<string> {
  const token = await shop.token()
  for (let i = 0; ; i++)
    if (partitionForBuyer(token, '', shop.partitions, `house ${i}`) === partition) return `house ${i}`
}

onBothPartitioned((open) => {
  test('the household of buyers of every partition has one limit', async () => {
    const shop = await open(rules)
    const buyers = await Promise.all([0, 1, 2, 3].map((partition) => shop.buyerIn(partition)))
    const asked = buyers.map((buyer) => shop.sale.reserve({ buyer, household: 'oak', items: a(1) }))
    const statuses = (await Promise.all(asked)).map(({ status }) => status)
    expect(statuses.sort()).toEqual(['limit_exceeded', 'reserved', 'reserved', 'reserved'])
    await shop.audited()
  })

  test.each(['bind', 'reserve'] as const)(
    'a process that dies after its %s is followed by another',
    async (last) => {
      const shop = await open(rules)
      const buyer = await shop.buyerIn(1)
      const { engine } = mortalEngine(shop.clock.engine, ({ command }: Batch) => command === last)
      const request = { buyer, household: await householdIn(shop, 2), items: a(2), key: 'k' }
      await expect(shop.handle(engine).reserve(request)).rejects.toMatchObject({ code: 'UNKNOWN_OUTCOME' })
      const other = { ...request, household: await householdIn(shop, 3) }
      expect(await shop.sale.reserve(other)).toEqual({
        ...{ status: 'household_conflict', household: request.household },
      })
      expect(await shop.sale.reserve(request)).toMatchObject({
        status: 'reserved',
        replayed: last === 'reserve',
      })
      expect((await shop.sale.stats()).skus.a).toMatchObject({ held: 2 })
      await shop.audited()
    },
  )

  test('while the partition of the buyer is away nothing is held, and the same call goes through later', async () => {
    const shop = await open(rules)
    const buyer = await shop.buyerIn(1)
    const request = { buyer, household: await householdIn(shop, 2), items: a(2), key: 'k' }
    const away = faultyEngine(shop.clock.engine, ({ partition }) =>
      partition === 1 ? 'refused' : 'answered',
    )
    await expect(shop.handle(away).reserve(request)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    expect((await shop.sale.stats()).skus.a).toMatchObject({ held: 0 })
    expect(await shop.sale.reserve(request)).toMatchObject({ status: 'reserved' })
  })

  test('a transfer between households of several partitions counts for the receiver', async () => {
    const shop = await open(rules)
    const [one, two] = [await householdIn(shop, 1), await householdIn(shop, 2)]
    const [ann, bob] = [await shop.buyerIn(3), await shop.buyerIn(0)]
    const held = await shop.sale.reserve({ buyer: ann, household: one, items: a(2) })
    const full = await shop.sale.reserve({ buyer: bob, household: two, items: a(2) })
    if (held.status !== 'reserved' || full.status !== 'reserved') expect.fail('refused')
    const { id } = held.reservation
    const refused = { status: 'limit_exceeded', household: two, taken: 2, limit: 3 }
    expect(await shop.sale.transfer(id, { to: bob })).toMatchObject(refused)
    await shop.sale.release(full.reservation.id)
    const moved = await shop.sale.transfer(id, { to: bob })
    expect(moved).toMatchObject({ status: 'transferred', reservation: { buyer: bob, household: two } })
    expect(await shop.sale.get(id)).toMatchObject({ buyer: bob, household: two })
    const again = { buyer: ann, household: one, items: a(3) }
    expect(await shop.sale.reserve(again)).toMatchObject({ status: 'reserved' })
    expect(await shop.sale.reservationsOf(bob)).toHaveLength(2)
    await shop.audited()
  })

  test('the audit finds a reservation outside the partition of its household', async () => {
    const shop = await open(rules)
    const household = await householdIn(shop, 2)
    const id = mintId(await shop.token(), await shop.buyerIn(1), 4)
    await shop.ask(1, 'reserve', { id, buyer: 'x', household, cart: [[0, 1]], key: null, holdMs: null })
    const { violations } = await shop.sale.audit()
    expect(violations).toMatchObject([{ rule: 'home', message: expect.stringContaining(household) }])
  })
})

onRedis('a master that came back without its partitions', (kind) => {
  async function lose(partition: number): Promise<void> {
    const keys = await kind.client().keys('*')
    await kind.client().del(...keys.filter((key) => new RegExp(`launch:${partition}\\b`).test(key)))
  }

  test.each([
    ['replay', 1],
    ['accept', 1],
    ['replay', 2],
  ] as const)('recovered from %s, partition %i lost: buyers keep their households', async (from, lost) => {
    const shop = new PartitionedShop(await kind.make(), 4)
    await shop.sale.create({ ...rules, partitions: 4 })
    const [oak, elm] = [await householdIn(shop, 2), await householdIn(shop, 3)]
    const buyers = [await shop.buyerIn(1), await shop.buyerIn(1), await shop.buyerIn(1)]
    for (const buyer of buyers)
      expect(await shop.sale.reserve({ buyer, household: oak, items: a(1), key: 'k' })).toMatchObject({
        status: 'reserved',
      })
    await lose(lost)
    await shop.sale.recover({ from })
    for (const buyer of buyers) {
      const conflict = { status: 'household_conflict', household: oak }
      expect(await shop.sale.reserve({ buyer, household: elm, items: a(1) })).toEqual(conflict)
      expect(await shop.sale.reserve({ buyer, household: oak, items: a(1), key: 'k' })).toMatchObject({
        ...{ status: 'reserved', replayed: true },
      })
    }
    const more = { buyer: 'fourth', household: oak, items: a(1) }
    expect(await shop.sale.reserve(more)).toMatchObject({ status: 'limit_exceeded', taken: 3 })
    await shop.audited()
  })
})
