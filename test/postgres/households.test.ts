import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { FlashSale } from '../../src/index.js'
import { redisKind } from '../support/engines.js'
import { Shop } from '../support/shop.js'
import { drop } from '../support/snapshot.js'
import { database } from './support/database.js'
import { TestLedger } from './support/ledgers.js'

const db = database()
const kind = redisKind()
beforeAll(kind.start)
afterAll(kind.stop)

const items = [{ sku: 'a', quantity: 1 }]

describe.each([1, 4])('with %i partitions', (partitions) => {
  test('a sale that is rebuilt has the households of its buyers, and what counts for each', async () => {
    const shop = new Shop(await kind.make(), 'launch')
    const rules = { stock: { a: 12 }, limitPerHousehold: 3, limitPerBuyer: 2, partitions }
    await shop.sale.create({ ...rules, holdMs: 1_000, maxHoldMs: 600_000 })
    const ledger = await TestLedger.open(db)
    const follower = await ledger.follow(shop.sale)
    const hold = async (buyer: string, household: string, holdMs = 600_000) => {
      const result = await shop.sale.reserve({ buyer, household, items, holdMs })
      if (result.status !== 'reserved') expect.fail(JSON.stringify(result))
      return result.reservation.id
    }
    const paid = await hold('ann', 'oak')
    await shop.sale.confirm(paid, { paymentId: 'p1' })
    const released = await hold('bob', 'oak')
    await shop.sale.release(released)
    const held = await hold('bob', 'oak')
    const late = await hold('cid', 'elm', 1_000)
    // The receiver has no household yet, and is of that of the reservation from then on.
    const guest = await hold('guest', 'oak')
    const given = await shop.sale.transfer(guest, { to: 'fay' })
    if (given.status !== 'transferred') expect.fail(given.status)
    await shop.advance(1_000)
    await ledger.agrees(shop.sale)
    await follower.close()
    const before = await shop.counts()
    await drop(kind.client(), '*:launch:*')

    const sale = new FlashSale(shop.id, { engine: shop.clock.engine, deadlineMs: 20_000 })
    onTestFinished(() => sale.close())
    expect(await sale.recover({ from: ledger.ledger })).toMatchObject({ refused: [] })
    expect(await shop.counts()).toBe(before)
    expect(await sale.get(paid)).toMatchObject({ state: 'confirmed', household: 'oak' })
    expect(await sale.get(held)).toMatchObject({ state: 'held', household: 'oak' })
    expect(await sale.get(guest)).toMatchObject({ id: given.reservation.id, buyer: 'fay', household: 'oak' })
    for (const buyer of ['ann', 'bob', 'fay', 'guest'])
      expect(await sale.reserve({ buyer, household: 'elm', items })).toStrictEqual({
        ...{ status: 'household_conflict', household: 'oak' },
      })
    expect(await sale.reserve({ buyer: 'gus', household: 'oak', items })).toMatchObject({
      ...{ status: 'limit_exceeded', household: 'oak', limit: 3, taken: 3 },
    })
    // The expired hold counts no more, until its payment takes the unit again.
    for (const buyer of ['hal', 'ida'])
      expect(await sale.reserve({ buyer, household: 'elm', items })).toMatchObject({ status: 'reserved' })
    expect(await sale.confirm(late, { paymentId: 'p2' })).toMatchObject({ status: 'confirmed', late: true })
    expect(await sale.reserve({ buyer: 'jon', household: 'elm', items })).toMatchObject({
      ...{ status: 'limit_exceeded', household: 'elm', taken: 3 },
    })
    expect(await sale.release(held)).toMatchObject({ status: 'released' })
    expect(await sale.reserve({ buyer: 'gus', household: 'oak', items })).toMatchObject({
      status: 'reserved',
    })
    expect((await sale.audit()).violations).toEqual([])
    await ledger.agrees(sale)
    expect(ledger.errors).toEqual([])
  })
})
