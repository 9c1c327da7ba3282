import { expect, test } from 'vitest'
import { contextOf } from '../../../src/sale/flash-sale.js'
import { answerText } from '../../../src/sale/recovery/recovery-request.js'
import { lookAtSale } from '../../../src/sale/recovery/recovery-responder.js'
import { onRedis } from '../../support/engines.js'
import { onBothPartitioned, PartitionedShop } from '../../support/partitioned.js'
import { faultOf } from '../../support/secrets.js'

const a = (quantity: number) => [{ sku: 'a', quantity }]

async function hold(shop: PartitionedShop, home: number, quantity = 1, sale = shop.sale) {
  const result = await sale.reserve({ buyer: await shop.buyerIn(home), items: a(quantity) })
  if (result.status !== 'reserved') expect.fail(result.status)
  return result.reservation
}

onBothPartitioned((open) => {
  test.each(['accept', 'replay'] as const)(
    'some partitions are frozen and lost nothing: by %s all is as it was',
    async (from) => {
      const shop = await open({ stock: { a: 40 }, holdMs: 60_000 })
      const held = await Promise.all([0, 1, 2, 3].map((home) => hold(shop, home)))
      await shop.sale.confirm(held[1]!.id)
      await shop.freeze(1)
      await shop.freeze(2)
      await faultOf(shop.sale.release(held[2]!.id), 'ROLLBACK_DETECTED')
      expect(await shop.sale.extend(held[3]!.id, { holdMs: 61_000 })).toMatchObject({ status: 'extended' })
      expect(await shop.sale.recover({ from })).toEqual({
        restored: from === 'replay' ? 4 : 0,
        refused: [],
        forgotten: 0,
        state: 'open',
      })
      expect(await Promise.all(held.map(async ({ id }) => (await shop.sale.get(id))?.state))).toEqual([
        'held',
        'confirmed',
        'held',
        'held',
      ])
      expect((await shop.sale.stats()).skus.a).toMatchObject({ total: 40, available: 36 })
      await hold(shop, 1)
      expect(await shop.audited()).toBe(5)
    },
  )

  test('a sale is resumed where it is frozen; once more, and where it was not frozen, nothing changes', async () => {
    const shop = await open({ stock: { a: 40 }, holdMs: 60_000 })
    for (const home of [0, 1, 2]) await hold(shop, home)
    await shop.freeze(1)
    await shop.freeze(3)
    const resume = await lookAtSale(contextOf(shop.sale).client, false)
    const generations = async () => {
      const pages = [0, 1, 2, 3].map((index) => shop.ask(index, 'events', { after: 0, reservations: false }))
      return (await Promise.all(pages)).map((page) => 'generation' in page && page.generation)
    }
    for (let i = 0; i < 3; i++) {
      expect(await resume([])).toBe(true)
      expect(await generations()).toEqual([1, 2, 1, 2])
    }
    // What another one has recovered of a partition that is not frozen is gone.
    const answer = answerText(
      [],
      [[0, 1, 2, 3].map((index) => ({ generation: 1, sequence: index === 2 ? 9 : 0, batchId: 'x' }))],
    )
    for (let i = 0; i < 2; i++) expect(await resume([answer])).toBe(false)
    await hold(shop, 1)
    await faultOf(hold(shop, 2), 'ROLLBACK_DETECTED')
    await shop.sale.recover({ from: 'replay' })
    await hold(shop, 2)
    expect(await generations()).toEqual([1, 2, 2, 2])
    expect(await shop.audited()).toBe(5)
  })

  test('a partition that does not know what it sent: frozen by a process that knows, and sent after all', async () => {
    const shop = await open({ stock: { a: 8 } })
    // As if partition 1 had sent these and come back with a state from before.
    await shop.ask(2, 'receive', { from: 1, sent: [[0, 2]] })
    expect((await shop.sale.audit()).violations.map(({ rule }) => rule)).toContain('transfer')
    await shop.freeze(1)
    await shop.sale.recover({ from: 'accept' })
    expect(await shop.available()).toEqual([2, 0, 4, 2])
    await shop.audited()
  })

  test('and what was sent is received, whichever partition has forgotten it', async () => {
    const shop = await open({ stock: { a: 8 } })
    await shop.ask(0, 'send', { to: 3, wants: [[0, 1]], received: [] })
    await shop.freeze(3)
    await shop.sale.recover({ from: 'accept' })
    expect(await shop.available()).toEqual([1, 2, 2, 3])
    await shop.audited()
  })

  test('with unfreeze: false it stays frozen; everything can be repeated', async () => {
    const shop = await open({ stock: { a: 8 } })
    await shop.freeze(1)
    for (let i = 0; i < 2; i++) await shop.sale.recover({ from: 'replay', unfreeze: false })
    await faultOf(hold(shop, 1), 'ROLLBACK_DETECTED')
    for (let i = 0; i < 2; i++) await shop.handle().recover({ from: 'accept' })
    await hold(shop, 1)
  })
})

onRedis('a master that has lost its partitions', (kind) => {
  async function open(stock: number): Promise<PartitionedShop> {
    const shop = new PartitionedShop(await kind.make(), 4)
    await shop.sale.create({ stock: { a: stock }, holdMs: 60_000, partitions: 4 })
    return shop
  }

  async function lose(shop: PartitionedShop, ...partitions: number[]): Promise<void> {
    const client = kind.client()
    const token = await shop.token()
    const lost: string[] = []
    for (const key of await client.keys('*:meta')) {
      const fields = JSON.stringify(
        await client.hgetallBuffer(key).then((all) => Object.values(all).map(String)),
      )
      if (fields.includes(token)) lost.push(key)
    }
    expect(lost).toHaveLength(4)
    for (const partition of partitions) {
      const meta = lost.find((key) => /launch:(\d+)/.exec(key)![1] === String(partition))!
      const keys = await client.keys(`${meta.slice(0, -'meta'.length)}*`)
      await client.del(...keys)
    }
  }

  test.each([[[0]], [[3]], [[1, 2]], [[0, 1, 2, 3]]])(
    '%j: the handle that knows the reservations puts them back',
    async (partitions) => {
      const shop = await open(40)
      const held = await Promise.all([0, 1, 2, 3].map((home) => hold(shop, home, 3)))
      await shop.sale.confirm(held[3]!.id, { paymentId: 'p' })
      await lose(shop, ...partitions)
      await faultOf(shop.sale.stats(), 'STATE_LOST')
      expect(await shop.sale.recover({ from: 'replay' })).toEqual({
        restored: 4,
        refused: [],
        forgotten: 0,
        state: 'open',
      })
      expect((await shop.sale.stats()).skus.a).toMatchObject({
        total: 40,
        available: 28,
        held: 9,
        confirmed: 3,
      })
      expect(await shop.audited()).toBe(4)
    },
  )

  test('a partition that has too few for what it promised gets them from the others', async () => {
    const shop = await open(40)
    await shop.gather(2)
    const held = await hold(shop, 2, 35)
    await lose(shop, 2)
    expect(await shop.sale.recover({ from: 'replay' })).toMatchObject({ restored: 1, refused: [] })
    expect(await shop.sale.get(held.id)).toMatchObject({ state: 'held' })
    expect((await shop.sale.stats()).skus.a).toMatchObject({ total: 40, held: 35, available: 5 })
    await shop.audited()
  })

  test('a fresh handle makes a partly lost sale whole, if partition 0 is there', async () => {
    const shop = await open(40)
    await hold(shop, 0)
    await lose(shop, 2)
    const fresh = shop.handle()
    await faultOf(fresh.stats(), 'STATE_LOST')
    await fresh.recover({ from: 'accept' })
    expect((await fresh.stats()).skus.a).toMatchObject({ total: 40, held: 1 })
    await hold(shop, 2)
    expect(await shop.audited()).toBe(2)
  })

  test('a partition that is lost again and again begins a new generation each time', async () => {
    const shop = await open(40)
    const other = shop.handle()
    for (let left = 3; left > 0; left--) {
      await lose(shop, 1)
      await faultOf(shop.sale.stats(), 'STATE_LOST')
      await shop.sale.recover({ from: 'accept' })
      // Ever fewer: the other handle has seen more of the line before than there is of this one.
      for (let i = 0; i < left; i++) await hold(shop, 1, 1, other)
    }
    expect(await shop.audited()).toBe(1)
  })
})
