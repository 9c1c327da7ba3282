/** What a page relies on: cookies, origins, SKUs it may see, a sale that is cheap to read. */
import type { AddressInfo } from 'node:net'
import express from 'express'
import fastify from 'fastify'
import { expect, onTestFinished, test, vi } from 'vitest'
import { saleRoutes as expressRoutes } from '../../../src/express.js'
import { saleRoutes as fastifyRoutes } from '../../../src/fastify.js'
import { type SaleRoutesOptions, saleRoutes } from '../../../src/http.js'
import { FlashSale, memoryEngine, WaitingRoom } from '../../../src/index.js'
import { memoryKind } from '../../support/engines.js'
import { standards } from '../../support/http/frameworks.js'
import { HttpShop, type ShopOptions } from '../../support/http/shop.js'

const open = async (options: ShopOptions) => HttpShop.open(standards, await memoryKind().make(), options)
const ofPage = { 'sec-fetch-site': 'same-origin' }

test('a page gets ticket and pass in cookies that scripts cannot read, and in nothing else', async () => {
  const shop = await open({ room: { passMs: 90_000 }, routes: { basePath: '/shop' } })
  const joined = await shop.call('POST', '/shop/queue', { buyer: 'u-1', headers: ofPage })
  const [ticket] = joined.headers.getSetCookie()
  expect(ticket).toMatch(
    /^stockhold-ticket=[\w.-]+; Max-Age=86400; Path=\/shop; HttpOnly; Secure; SameSite=Lax$/,
  )
  expect(joined.headers.has('stockhold-ticket')).toBe(false)
  const cookie = `theme=dark; ${ticket!.split(';')[0]}`
  const polled = await shop.call('GET', '/shop/queue', { headers: { ...ofPage, cookie } })
  const [pass] = polled.headers.getSetCookie()
  expect(pass).toMatch(/^stockhold-pass=[\w.-]+; Max-Age=\d\d; Path=\/shop; HttpOnly; Secure; SameSite=Lax$/)
  expect(polled.headers.has('stockhold-pass')).toBe(false)
  const bought = await shop.call('POST', '/shop/reservations', {
    buyer: 'u-1',
    key: 'k-1',
    headers: { ...ofPage, cookie: pass!.split(';')[0]! },
    body: { items: [{ sku: 'phone', quantity: 1 }] },
  })
  expect(bought.status).toBe(201)
  expect(bought.headers.get('location')).toBe(`/shop/reservations/${bought.body.id}`)
  const left = await shop.call('DELETE', '/shop/queue', { headers: { ...ofPage, cookie } })
  expect(left.headers.getSetCookie().map((one) => one.split('; ').slice(0, 2))).toEqual([
    ['stockhold-ticket=', 'Max-Age=0'],
    ['stockhold-pass=', 'Max-Age=0'],
  ])
  // A ticket in a URL is no ticket.
  expect((await shop.call('GET', `/shop/queue?${cookie}`)).status).toBe(403)
})

test('a ticket that is over leaves the browser', async () => {
  const shop = await open({ room: {} })
  const { 'stockhold-ticket': ticket } = await shop.join('u-1')
  await shop.room!.revoke('u-1')
  const polled = await shop.call('GET', '/queue', { headers: { cookie: `stockhold-ticket=${ticket}` } })
  expect(polled).toMatchObject({ status: 403, body: { code: 'TICKET_INVALID' } })
  expect(polled.headers.getSetCookie()[0]).toMatch(/^stockhold-ticket=; Max-Age=0; /)
})

test('a waiting visitor is told the rate of the room and the time of the turn', async () => {
  const shop = await open({ room: { ratePerSecond: 0.5, burst: 1 } })
  await shop.join('u-1')
  const headers = await shop.join('u-2')
  const field = async (name: string) => (await shop.call('GET', '/queue', { headers })).headers.get(name)
  await expect.poll(() => field('ratelimit-policy')).toBe('"admission";q=1;w=2')
  expect(await field('ratelimit')).toMatch(/^"admission";r=0(;t=\d+)?$/)
})

test('pages of the origins that `cors` names may call, those of others may not', async () => {
  const origin = 'https://www.shop.example'
  const shop = await open({ room: {}, routes: { cors: { origins: [origin] } } })
  const foreign = { origin, 'sec-fetch-site': 'cross-site' }
  const asked = { ...foreign, 'access-control-request-method': 'POST' }
  const preflight = await shop.call('OPTIONS', '/queue', { headers: asked })
  expect(preflight.status).toBe(204)
  expect(preflight.headers.get('access-control-allow-origin')).toBe(origin)
  expect(preflight.headers.get('access-control-allow-headers')).toContain('idempotency-key')
  const joined = await shop.call('POST', '/queue', { buyer: 'u-1', headers: foreign })
  expect(joined.status).toBe(200)
  expect(joined.headers.get('access-control-allow-credentials')).toBe('true')
  // A cookie of this site may not reach a page of another one: it gets the header as well.
  expect(joined.headers.get('stockhold-ticket')).not.toBeNull()
  const other = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }
  const refused = await shop.call('POST', '/queue', { buyer: 'u-1', headers: other })
  expect(refused).toMatchObject({ status: 403, body: { code: 'foreign_origin' } })
  expect(refused.headers.get('access-control-allow-origin')).toBeNull()
  expect(refused.headers.get('vary')).toBe('Origin')
  // An old browser names the origin only.
  for (const [from, status] of [
    ['http://shop.test', 200],
    ['https://shop.test:444', 403],
  ] as const) {
    const headers = { origin: from, host: 'shop.test' }
    expect((await shop.call('POST', '/queue', { buyer: 'u-1', headers })).status).toBe(status)
  }
})

test('by default a SKU that others return to is hidden, and mayReturn is false of these', async () => {
  const stock = { phone: 2, 'phone:returned': 1 }
  const skus = { phone: { returnsTo: 'phone:returned' } }
  const shop = await open({ rules: { stock, skus, holdMs: 60_000 } })
  const buy = (sku: string) =>
    shop.call('POST', '/reservations', { buyer: 'u-1', key: sku, body: { items: [{ sku, quantity: 1 }] } })
  expect(await buy('phone')).toMatchObject({ status: 201 })
  const { body } = await shop.call('GET', '/sale')
  expect(body.skus).toMatchObject([{ sku: 'phone', available: 1, mayReturn: false }])
  expect(await buy('phone:returned')).toMatchObject({ status: 400, body: { code: 'INVALID_ARGUMENT' } })
})

test('SKUs that `allow` does not permit are unknown', async () => {
  const allow = ({ buyer, sku }: { buyer: string | undefined; sku: string }) =>
    sku === 'phone' || buyer === 'staff'
  const shop = await open({ routes: { allow } })
  const seenBy = async (buyer?: string) => {
    const { body, headers } = await shop.call('GET', '/sale', buyer === undefined ? {} : { buyer })
    expect(headers.get('cache-control')).toBe('private, max-age=1')
    return body.skus.map(({ sku }: { sku: string }) => sku)
  }
  expect(await seenBy()).toEqual(['phone'])
  expect(await seenBy('staff')).toEqual(['phone', 'phone-case'])
  const buy = (buyer: string, sku: string) =>
    shop.call('POST', '/reservations', { buyer, key: sku, body: { items: [{ sku, quantity: 1 }] } })
  const hidden = await buy('u-1', 'phone-case')
  const unknown = await buy('u-1', 'tablet')
  expect(hidden).toMatchObject({ status: 400, body: { code: 'INVALID_ARGUMENT' } })
  expect(hidden.body.detail).toBe(unknown.body.detail.replace('tablet', 'phone-case'))
  expect(await buy('staff', 'phone-case')).toMatchObject({ status: 201 })
})

test('`allow` is asked once about each SKU of a cart, and about one behind a thousand lines too', async () => {
  const asked: string[] = []
  const allow = ({ sku }: { sku: string }) => {
    asked.push(sku)
    return sku === 'phone'
  }
  const shop = await open({ routes: { allow } })
  const line = { sku: 'phone', quantity: 1 }
  const buy = (key: string, items: object[]) =>
    shop.call('POST', '/reservations', { buyer: 'u-1', key, body: { items } })
  await buy('k-1', Array(1_200).fill(line))
  expect(asked).toEqual(['phone'])
  const hidden = await buy('k-2', [...Array(1_200).fill(line), { sku: 'phone-case', quantity: 1 }])
  expect(hidden).toMatchObject({ status: 400, body: { code: 'INVALID_ARGUMENT' } })
  expect(asked).toEqual(['phone', 'phone', 'phone-case'])
})

test('one question to the engine serves all who ask for the sale, and rules that change show', async () => {
  const shop = await open({})
  const stats = vi.spyOn(shop.sale, 'stats')
  await Promise.all(Array.from({ length: 100 }, () => shop.call('GET', '/sale')))
  expect(stats).toHaveBeenCalledTimes(1)
  await shop.sale.update({ holdMs: 1_000 })
  await expect.poll(async () => (await shop.call('GET', '/sale')).body.holdMs).toBe(1_000)
})

test('readiness does not wait for an engine that does not answer', async () => {
  const shop = await open({})
  vi.spyOn(shop.sale, 'stats').mockReturnValue(new Promise(() => {}))
  expect(await shop.call('GET', '/readyz')).toMatchObject({
    status: 200,
    body: { canSell: false, why: 'UNAVAILABLE' },
  })
})

test.each<[string, object]>([
  ['sale', { sale: {} }],
  ['room', { room: {} }],
  ['identify', { identify: 'u-1' }],
  ['allow', { allow: true }],
  ['basePath', { basePath: '/shop/' }],
  ['basePath', { basePath: 'shop' }],
  ['webhook', { webhook: { verfy: () => {} } }],
  ['cors.origins', { cors: { origins: ['https://shop.example/'] } }],
  ['cookies.sameSite', { cookies: { sameSite: 'none', secure: false } }],
  ['events.maxStreams', { events: { maxStreams: -1 } }],
  ['options', { rooms: undefined }],
])('refuses a wrong option: %s %j', (name, wrong) => {
  const sale = new FlashSale('wrong', { engine: memoryEngine(), deadlineMs: 60_000 })
  const options = { sale, identify: () => undefined, ...wrong } as SaleRoutesOptions
  expect(() => saleRoutes(options)).toThrow(
    expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining(name) }),
  )
})

test('refuses a room whose passes the sale does not ask for', () => {
  const engine = memoryEngine()
  const room = new WaitingRoom('room', {
    engine,
    deadlineMs: 60_000,
    secret: 's'.repeat(32),
    ratePerSecond: 1,
  })
  const sale = new FlashSale('open', { engine, deadlineMs: 60_000 })
  expect(() => saleRoutes({ sale, room, identify: () => undefined })).toThrow(/waitingRoom: room/)
})

test('Express: a parser before the routes serves JSON, and a webhook is refused loudly', async () => {
  const sale = new FlashSale('parsed', { engine: memoryEngine(), deadlineMs: 60_000 })
  await sale.create({ stock: { phone: 10 } })
  const errors: unknown[] = []
  const routes = expressRoutes({
    sale,
    identify: () => 'u-1',
    webhook: { verify: () => undefined },
    onError: (error) => void errors.push(error),
  })
  const server = express().use(express.json()).use('/shop', routes).listen(0)
  onTestFinished(() => void server.close())
  await new Promise((resolve) => server.once('listening', resolve))
  const send = (path: string, body: object) =>
    fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/shop${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': 'k' },
      body: JSON.stringify(body),
    })
  const held = await send('/reservations', { items: [{ sku: 'phone', quantity: 1 }] })
  expect(held.status).toBe(201)
  expect(held.headers.get('location')).toMatch(/^\/shop\/reservations\/[\w-]{19}$/)
  expect((await send('/payments', {})).status).toBe(500)
  expect(String(errors)).toContain('mount these routes before it')
})

test('Fastify: closing the application ends the event streams, under a prefix too', async () => {
  const engine = memoryEngine()
  const room = new WaitingRoom('room', {
    engine,
    deadlineMs: 60_000,
    secret: 's'.repeat(32),
    ratePerSecond: 0,
  })
  const sale = new FlashSale('streams', { engine, waitingRoom: room, deadlineMs: 60_000 })
  await sale.create({ stock: { phone: 10 } })
  await room.create()
  const app = fastify()
  app.addHook('onSend', async (_request, reply) => void reply.header('x-shop', 'hooks run'))
  app.register(fastifyRoutes({ sale, room, identify: () => 'u-1', basePath: '/sale-1' }), { prefix: '/shop' })
  const url = `${await app.listen({ port: 0 })}/shop/sale-1`
  const joined = await fetch(`${url}/queue`, { method: 'POST' })
  expect(joined.headers.get('x-shop')).toBe('hooks run')
  expect(joined.headers.getSetCookie()[0]).toContain('Path=/shop/sale-1;')
  const headers = { 'stockhold-ticket': joined.headers.get('stockhold-ticket')! }
  const stream = await fetch(`${url}/queue/events`, { headers })
  expect(stream.status).toBe(200)
  await app.close()
  expect(await stream.text()).toMatch(/^retry: \d+\n\n/)
  await room.close()
})
