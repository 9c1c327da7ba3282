import { expect, onTestFinished, test } from 'vitest'
import { FlashSale, type SaleRules, WaitingRoom } from '../../../src/index.js'
import { askIndex, removingBy, roomsOf, salesOf } from '../../support/removal.js'
import { type ClockedShop, onClockedEngines } from '../../support/shop.js'

const DAY = 24 * 3_600_000
/** Longer than the longest time between two looks at a sale. */
const LOOKS = 700_000
const items = [{ sku: 'a', quantity: 1 }]

onClockedEngines((open) => {
  /** A process that has a handle on another sale of the engine. */
  const opened = async (rules: Partial<SaleRules> = {}) => {
    const shop = await open()
    const { engine } = shop.clock
    const sale = new FlashSale('old', { engine, deadlineMs: 20_000 })
    onTestFinished(() => sale.close())
    await sale.create({ stock: { a: 5 }, holdMs: 1_000, retainMs: DAY, ...rules })
    return { shop, sale, engine }
  }
  const idsAfter = async (shop: ClockedShop, ms: number) => {
    await shop.advance(ms)
    await shop.pass(LOOKS)
    return (await salesOf(shop.clock.engine)).map(({ id }) => id)
  }
  const BOTH = ['launch', 'old']

  test.each([1, 3])(
    'a sale is removed retainMs after its end, by a process that never used it (%i partitions)',
    async (partitions) => {
      const { shop, sale } = await opened({ partitions })
      expect(await idsAfter(shop, 2 * DAY)).toEqual(BOTH)
      await sale.end()
      await sale.close()
      expect(await idsAfter(shop, DAY - 1)).toEqual(BOTH)
      expect(await idsAfter(shop, 1)).toEqual(['launch'])
    },
  )

  test('a sale that closed by time is removed as long after that time', async () => {
    const { shop } = await opened()
    const closesAt = shop.now() + DAY
    const sale = new FlashSale('closes', { engine: shop.clock.engine, deadlineMs: 20_000 })
    onTestFinished(() => sale.close())
    await sale.create({ stock: { a: 5 }, closesAt, retainMs: DAY })
    expect(await idsAfter(shop, 2 * DAY - 1)).toEqual(['closes', ...BOTH])
    expect(await idsAfter(shop, 1)).toEqual(BOTH)
  })

  test('a late change and a hold that ended late put it off', async () => {
    const { shop, sale } = await opened({ maxHoldMs: 2 * DAY, holdMs: DAY })
    await sale.reserve({ buyer: 'ann', items })
    await sale.end()
    expect(await idsAfter(shop, DAY - 1)).toEqual(BOTH)
    // The hold expires now: the sweep of it is a change.
    expect(await idsAfter(shop, 1)).toEqual(BOTH)
    await shop.advance(DAY / 2)
    await sale.restock({ sku: 'a', quantity: 1, key: 'late' })
    expect(await idsAfter(shop, DAY - 1)).toEqual(BOTH)
    expect(await idsAfter(shop, 1)).toEqual(['launch'])
  })

  test('a consumer group that lags keeps the sale', async () => {
    const { shop, sale } = await opened()
    const consumer = sale.consume({ group: 'parcels' }, () => {})
    await shop.live(async () => (await sale.consumerGroups()).length === 1)
    await consumer.close()
    await sale.end()
    expect(await idsAfter(shop, 2 * DAY)).toEqual(BOTH)
    await sale.removeConsumerGroup('parcels')
    expect(await idsAfter(shop, 0)).toEqual(['launch'])
  })

  test('update sets, changes and removes it; create compares it', async () => {
    const { shop, sale, engine } = await opened()
    expect(await sale.rules()).toMatchObject({ retainMs: DAY })
    const other = new FlashSale('old', { engine, deadlineMs: 60_000 })
    onTestFinished(() => other.close())
    await expect(other.create({ stock: { a: 5 }, holdMs: 1_000 })).rejects.toMatchObject({
      code: 'RULES_CONFLICT',
      message: expect.stringContaining('retainMs'),
    })
    expect(await sale.update({ retainMs: null })).toMatchObject({ revision: 1 })
    expect(await sale.rules()).toMatchObject({ retainMs: null })
    await sale.end()
    expect(await idsAfter(shop, 2 * DAY)).toEqual(BOTH)

    const never = shop.sale
    expect(await never.rules()).toMatchObject({ retainMs: null })
    await never.update({ retainMs: DAY })
    expect((await never.rules()).retainMs).toBe(DAY)
    await never.end()
    expect(await idsAfter(shop, DAY)).toEqual(['old'])
  })

  test.each([0, -1, 1.5, '1', Number.NaN, 400 * DAY])(
    'retainMs: %s is INVALID_ARGUMENT',
    async (retainMs) => {
      const { sale, engine } = await opened()
      const wrong = { retainMs: retainMs as number }
      await expect(sale.update(wrong)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
      const other = new FlashSale('other', { engine, deadlineMs: 60_000 })
      onTestFinished(() => other.close())
      await expect(other.create({ stock: { a: 1 }, ...wrong })).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
      })
      await expect(other.create({ stock: { a: 1 }, retainMs: null as never })).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
      })
    },
  )

  test('the removal of a sale or a room whose process has crashed is continued', async () => {
    const { shop, sale, engine } = await opened({ partitions: 3 })
    await sale.end()
    const room = new WaitingRoom('room', {
      engine,
      deadlineMs: 60_000,
      secret: 's'.repeat(32),
      ratePerSecond: 1,
    })
    onTestFinished(() => room.close())
    await room.create()
    const { entries } = await askIndex(shop.clock, 'list', { cursor: '0' })
    for (const [name, attempt] of [
      ['old', 1],
      ['room', 1],
    ] as const) {
      const entry = entries.find((one) => one.name === name)!
      await askIndex(shop.clock, 'register', { ...entry, attempts: true, retains: false })
      await askIndex(shop.clock, 'commit', { incarnation: entry.incarnation, attempt })
    }
    expect(await salesOf(engine)).toMatchObject([{ id: 'launch' }, { id: 'old', state: 'removing' }])
    expect(await roomsOf(engine)).toMatchObject([{ id: 'room', state: 'removing' }])
    expect(await idsAfter(shop, 0)).toEqual(['launch'])
    expect(await roomsOf(engine)).toEqual([])
  })

  test('each engine looks, and no more once it is closed', async () => {
    const { shop } = await opened()
    let calls = 0
    const engine = removingBy(shop.clock.engine, (command) => {
      if (command === 'list') calls++
      return 'answered'
    })
    const sale = new FlashSale('old', { engine, deadlineMs: 20_000 })
    onTestFinished(() => sale.close())
    await shop.pass(LOOKS)
    expect(calls).toBeGreaterThan(LOOKS / 60_000)
    await engine.close()
    await shop.pass(LOOKS)
    const before = calls
    await shop.pass(LOOKS)
    expect(calls).toBe(before)
  })
})
