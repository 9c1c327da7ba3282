import { expect, test } from 'vitest'
import type { RulesUpdate } from '../../../src/index.js'
import { type Batch, faultyEngine, mortalEngine } from '../../support/faulty-engine.js'
import { onBothPartitioned, type PartitionedShop } from '../../support/partitioned.js'
import { withPartitions } from '../../support/wrapped-engine.js'

const update: RulesUpdate = { limitPerBuyer: 2, stock: { kiwi: 10 } }
/** Partition 0, the three others, and the note that all have them. */
const steps = [0, 1, 2, 3, 4]

/** The revision in each partition, and the units of each that the update added. */
async function revisions(shop: PartitionedShop): Promise<number[]> {
  const asked = Array.from({ length: 4 }, (_, index) => shop.ask(index, 'describe', {}))
  return (await Promise.all(asked)).map(({ present }) => present.revision)
}

/** All partitions have the rules of one update, and its stock, once. */
async function isWhole(shop: PartitionedShop): Promise<void> {
  expect(await revisions(shop)).toEqual([1, 1, 1, 1])
  expect(await shop.ask(0, 'describe', {})).toMatchObject({ present: { everywhere: true } })
  expect(await shop.available(1)).toEqual([2, 3, 3, 2])
  for (const partition of [0, 1, 2, 3]) {
    const buyer = await shop.buyerIn(partition)
    const cart = (quantity: number) => [{ sku: 'kiwi', quantity }]
    const sale = shop.handle()
    expect(await sale.reserve({ buyer, items: cart(3) })).toMatchObject({
      status: 'limit_exceeded',
      limit: 2,
    })
  }
  await shop.audited()
}

onBothPartitioned((open) => {
  test('all partitions have the rules, and their part of a new SKU', async () => {
    const shop = await open()
    expect(await shop.sale.update(update)).toStrictEqual({ revision: 1, replayed: false })
    await isWhole(shop)
    expect(await shop.sale.update(update)).toStrictEqual({ revision: 1, replayed: true })
    const items = [{ sku: 'kiwi', quantity: 2 }]
    const bought = Array.from({ length: 6 }, (_, i) => shop.handle().reserve({ buyer: `b${i}`, items }))
    const statuses = (await Promise.all(bought)).map(({ status }) => status)
    expect(statuses.filter((status) => status === 'reserved')).toHaveLength(5)
    await shop.audited()
  })

  /** Another process begins the update, and dies right after one of its writes. */
  async function interrupted(shop: PartitionedShop, step: number): Promise<void> {
    let [begun, written] = [0, 0]
    const counted = withPartitions(shop.clock.engine, (port) => ({
      async run(command, ops, call) {
        const reply = await port.run(command, ops, call)
        if (command === 'update') written++
        return reply
      },
    }))
    const last = ({ command }: Batch) => command === 'update' && begun++ === step
    const { engine } = mortalEngine(counted, last)
    const dies = shop.handle(engine).update(update)
    dies.catch(() => {})
    await expect.poll(() => written).toBe(step + 1)
  }

  test.each(steps)(
    'a process that dies after write %i leaves what the next update completes',
    async (step) => {
      const shop = await open()
      await shop.sale.stats()
      await interrupted(shop, step)
      expect(await shop.handle().update(update)).toStrictEqual({ revision: 1, replayed: true })
      await isWhole(shop)
    },
  )

  test.each(steps)(
    'a process that dies after write %i leaves what a call of another process completes',
    async (step) => {
      const shop = await open()
      // It knows the rules that are older by then.
      await shop.sale.stats()
      await interrupted(shop, step)
      await shop.sale.stats()
      const buyer = await shop.buyerIn(3)
      const reserved = await shop.sale.reserve({ buyer, items: [{ sku: 'kiwi', quantity: 1 }] })
      expect(reserved.status).toBe('reserved')
      await shop.sale.release((reserved as { reservation: { id: string } }).reservation.id)
      await isWhole(shop)
    },
  )

  test('while a partition is away an update is refused or incomplete, and says so', async () => {
    const shop = await open()
    let away = true
    const engine = faultyEngine(shop.clock.engine, ({ partition, command }) =>
      away && partition === 2 && command === 'update' ? 'refused' : 'answered',
    )
    const sale = shop.handle(engine)
    const fault = await sale.update(update).catch((error) => error)
    expect(fault).toMatchObject({ code: 'UNKNOWN_OUTCOME' })
    expect(fault.message).toContain('the same call again completes it')
    expect(await revisions(shop)).toEqual([1, 1, 0, 1])
    // The partition sells by the rules it has, until a process that knows better asks it.
    const buyer = await shop.buyerIn(2)
    expect((await sale.reserve({ buyer, items: [{ sku: 'a', quantity: 1 }] })).status).toBe('reserved')
    away = false
    expect(await sale.update(update)).toStrictEqual({ revision: 1, replayed: true })
    await expect.poll(() => revisions(shop)).toEqual([1, 1, 1, 1])
  })

  test('a partition that came back with older rules is brought the present ones', async () => {
    const shop = await open()
    await shop.sale.update(update)
    const [{ present }] = [await shop.ask(0, 'describe', {})]
    const newer = { ...present.rules, holdMs: 70 }
    const op = { revision: 2, after: null, rules: newer, changes: null, everywhere: false }
    // Partition 0 is the one that is older, and no process remembers.
    for (const partition of [1, 3]) await shop.ask(partition, 'update', op)
    const sale = shop.handle()
    await sale.stats()
    expect(await sale.rules()).toMatchObject({ revision: 2, holdMs: 70 })
    expect(await sale.update({ holdMs: 80 })).toStrictEqual({ revision: 3, replayed: false })
    expect(await revisions(shop)).toEqual([3, 3, 3, 3])
    expect(await shop.handle().rules()).toMatchObject({ revision: 3, holdMs: 80, limitPerBuyer: 2 })
  })

  test('a late payment by a handle that knows older rules takes what its SKU returns to now', async () => {
    const shop = await open({ stock: { a: 1, back: 4 } })
    const buyer = await shop.buyerIn(1)
    const held = await shop.sale.reserve({ buyer, items: [{ sku: 'a', quantity: 1 }] })
    if (held.status !== 'reserved') expect.fail(held.status)
    await shop.advance(1_000)
    await shop.sale.reserve({ buyer: 'fast', items: [{ sku: 'a', quantity: 1 }] })
    await shop.gather(2, 1)
    const late = shop.handle()
    await late.stats()
    await shop.sale.update({ skus: { a: { returnsTo: 'back' } } })
    expect(await late.confirm(held.reservation.id)).toMatchObject({ status: 'confirmed', late: true })
    await shop.audited()
  })
})
