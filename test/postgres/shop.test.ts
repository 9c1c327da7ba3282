/** The shop of `npm run shop` with a ledger: what the buyer's page is told of the order. */
import { expect, onTestFinished, test } from 'vitest'
import { openShop } from '../../scripts/shop/shop.js'
import { memoryEngine } from '../../src/index.js'
import { database } from './support/database.js'
import { TestLedger } from './support/ledgers.js'

const db = database()

test('an order is paid at the provider, shipped by the ledger, and told with its parcel', async () => {
  const { ledger } = await TestLedger.open(db)
  const engine = memoryEngine()
  const shop = await openShop({
    engine,
    ledger,
    port: 0,
    stock: 5,
    crowd: 0,
    holdMs: 600_000,
    ratePerSecond: 1_000,
    deadlineMs: 60_000,
  })
  onTestFinished(async () => {
    await shop.close()
    await engine.close()
  })
  const [login] = (await fetch(shop.url)).headers.getSetCookie()
  const cookies = [login!.split(';')[0]!]
  const call = async (method: string, path: string, more: Record<string, string> = {}, body?: string) => {
    const headers = { cookie: cookies.join('; '), 'sec-fetch-site': 'same-origin', ...more }
    const response = await fetch(shop.url + path, { method, headers, body: body ?? null, redirect: 'manual' })
    cookies.push(...response.headers.getSetCookie().map((cookie) => cookie.split(';')[0]!))
    // biome-ignore lint/suspicious/noExplicitAny: each route has a body of its own.
    const told: any = await response.json().catch(() => null)
    return { status: response.status, told }
  }
  await call('POST', '/shop/queue')
  await expect.poll(async () => (await call('GET', '/shop/queue')).told.status).toBe('admitted')
  const json = { 'content-type': 'application/json', 'idempotency-key': 'c-1' }
  const cart = JSON.stringify({ items: [{ sku: 'mango-me', quantity: 1 }] })
  const { id } = (await call('POST', '/shop/reservations', json, cart)).told
  const form = { 'content-type': 'application/x-www-form-urlencoded' }
  expect(await call('POST', `/pay/${id}`, form, 'way=now')).toMatchObject({ status: 303 })
  const order = async () => (await call('GET', `/shop/reservations/${id}`)).told
  await expect.poll(async () => (await order()).shipments).toHaveLength(1)
  const reference = `SNAIL-${id.slice(0, 8).toUpperCase()}`
  expect(await order()).toMatchObject({ state: 'confirmed', shipments: [{ carrier: 'snail', reference }] })
  await expect.poll(async () => (await call('GET', `/orders/${id}`)).told.parcel).toMatchObject({ reference })
  cookies[0] = `buyer=${crypto.randomUUID()}`
  expect(await call('GET', `/orders/${id}`)).toMatchObject({ status: 404 })
  expect(await call('POST', `/orders/${id}/return`)).toMatchObject({ status: 404 })
})
