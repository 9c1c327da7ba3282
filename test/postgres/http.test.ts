/** The option `ledger` of `saleRoutes`: parcels, and reservations of a sale that was removed. */
import { expect, test } from 'vitest'
import { saleRoutes } from '../../src/http.js'
import { FlashSale, memoryEngine } from '../../src/index.js'
import { type PostgresLedger, postgresLedger } from '../../src/postgres.js'
import { onBothEngines, type Shop } from '../support/shop.js'
import { database } from './support/database.js'
import { TestLedger } from './support/ledgers.js'

const db = database()
const ANN = 'ann \0␀'
const items = [{ sku: 'a', quantity: 2 }]

/** What the routes tell a buyer. */
function routesOf(sale: FlashSale, ledger: PostgresLedger | undefined) {
  const errors: unknown[] = []
  const identify = () => ({ buyer })
  let buyer = ANN
  const routes = saleRoutes({ sale, ledger, identify, onError: (error) => void errors.push(error) })
  const get = async (path: string, as = ANN) => {
    buyer = as
    const response = await routes(new Request(`http://shop${path}`))
    // biome-ignore lint/suspicious/noExplicitAny: each route has a body of its own.
    const body: any = await response.json()
    return { status: response.status, body }
  }
  return { get, errors }
}

async function held(shop: Shop, buyer = ANN): Promise<string> {
  const result = await shop.sale.reserve({ buyer, items })
  if (result.status !== 'reserved') expect.fail(result.status)
  return result.reservation.id
}

onBothEngines((open) => {
  const stage = async () => {
    const shop = await open({ stock: { a: 100 } })
    const opened = await TestLedger.open(db)
    const { ledger } = opened
    const order = await held(shop)
    await shop.sale.confirm(order, { paymentId: 'p-1' })
    await shop.clock.advance(10)
    const basket = await held(shop)
    await held(shop, 'bob')
    await ledger.reconcile(shop.sale)
    return { shop, opened, ledger, order, basket, ...routesOf(shop.sale, ledger) }
  }
  const parcel = { carrier: 'snail', reference: 's-1', items }

  test('an order has its parcels, and a basket has none', async () => {
    const { shop, ledger, order, basket, get } = await stage()
    expect((await get(`/reservations/${order}`)).body).toMatchObject({ state: 'confirmed', shipments: [] })
    await ledger.ship(shop.sale, order, { carrier: 'snail', reference: 's-1' })
    await ledger.deliver(shop.sale, order, { at: Date.UTC(2026, 0, 3) })
    const shipments = [{ ...parcel, shippedAt: expect.any(Number), deliveredAt: Date.UTC(2026, 0, 3) }]
    expect((await get(`/reservations/${order}`)).body).toMatchObject({ id: order, shipments })
    expect((await get(`/reservations/${basket}`)).body).not.toHaveProperty('shipments')
    expect((await get('/reservations')).body.reservations).toMatchObject([
      { id: basket },
      { id: order, shipments },
    ])
    expect(await get(`/reservations/${order}`, 'bob')).toMatchObject({
      status: 404,
      body: { code: 'not_found' },
    })
  })

  test('a removed sale is answered by the ledger, to the buyer alone, page by page', async () => {
    const { shop, ledger, order, basket, get, errors } = await stage()
    await ledger.ship(shop.sale, order, { carrier: 'snail', reference: 's-1' })
    await shop.sale.end()
    expect(await shop.sale.destroy({ force: true })).toMatchObject({ status: 'destroyed' })
    const one = { id: order, state: 'confirmed', items, expiresInMs: 0, shipments: [parcel] }
    expect(await get(`/reservations/${order}`)).toMatchObject({ status: 200, body: one })
    expect((await get(`/reservations/${basket}`)).body).toMatchObject({
      state: 'expired',
      expiresInMs: 0,
      shipments: [],
    })
    const first = await get('/reservations?limit=1')
    expect(first.body).toMatchObject({ reservations: [{ id: basket }], cursor: basket })
    const second = await get(`/reservations?limit=1&cursor=${first.body.cursor}`)
    expect(second.body).toMatchObject({ reservations: [one], cursor: order })
    expect((await get(`/reservations?limit=1&cursor=${order}`)).body).toMatchObject({
      reservations: [],
      cursor: null,
    })
    expect(await get(`/reservations/${order}`, 'bob')).toMatchObject({
      status: 404,
      body: { code: 'not_found' },
    })
    expect(await get('/reservations?limit=0')).toMatchObject({
      status: 400,
      body: { code: 'INVALID_ARGUMENT' },
    })
    expect(errors).toEqual([])
  })

  test('an order that the recovered sale has lost is not shown', async () => {
    const { shop, opened, order, get } = await stage()
    await opened.sql(`UPDATE $schema.reservations SET state = 'forgotten' WHERE id = $1`, [order])
    await shop.sale.end()
    await shop.sale.destroy({ force: true })
    expect(await get(`/reservations/${order}`)).toMatchObject({ status: 404 })
  })

  test('without PostgreSQL an order comes without its parcels, and a removed sale is UNAVAILABLE', async () => {
    const { shop, order } = await stage()
    const away = async () => {
      throw Object.assign(new Error('away'), { code: 'ECONNREFUSED' })
    }
    const { get, errors } = routesOf(shop.sale, postgresLedger({ query: away, connect: away }))
    const { status, body } = await get(`/reservations/${order}`)
    expect([status, body.state, 'shipments' in body]).toEqual([200, 'confirmed', false])
    expect(errors).toMatchObject([{ code: 'UNAVAILABLE' }])
    await shop.sale.end()
    await shop.sale.destroy({ force: true })
    expect(await get('/reservations')).toMatchObject({ status: 503, body: { code: 'UNAVAILABLE' } })
  })

  test('a sale that never was is NOT_FOUND, with and without a ledger', async () => {
    const { shop, ledger } = await stage()
    const sale = new FlashSale('another', { engine: shop.clock.engine, deadlineMs: 60_000 })
    for (const known of [ledger, undefined])
      expect(await routesOf(sale, known).get('/reservations')).toMatchObject({
        status: 404,
        body: { code: 'NOT_FOUND' },
      })
  })
})

test('the ledger refuses options that it does not know', async () => {
  const { ledger } = await TestLedger.open(db)
  const sale = new FlashSale('sale', { engine: memoryEngine(), deadlineMs: 60_000 })
  for (const wrong of [{ limt: 1 }, { limit: 101 }, { ids: [''] }, { cursor: '' }])
    await expect(ledger.reservationsOf(sale, 'ann', wrong)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    })
  expect(() => saleRoutes({ sale, ledger: {} as PostgresLedger, identify: () => 'ann' })).toThrow('ledger')
})
