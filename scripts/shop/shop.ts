import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { createAdaptorServer } from '@hono/node-server'
import { build } from 'esbuild'
import { type Context, Hono } from 'hono'
import { getCookie, setCookie } from 'hono/cookie'
import { saleRoutes, standardWebhook } from '../../src/http.js'
import { FlashSale, type FlashSaleOptions, WaitingRoom } from '../../src/index.js'
import type { PostgresLedger } from '../../src/postgres.js'
import { repositoryRoot } from '../lib/servers/machine.js'
import { Crowd } from './crowd.js'
import { FakeProvider, ways } from './provider.js'

export interface ShopOptions extends Pick<FlashSaleOptions, 'engine' | 'deadlineMs'> {
  readonly ledger?: PostgresLedger | undefined
  readonly port: number
  readonly stock: number
  /** Visitors who come with each of yours, and are before it in the queue. */
  readonly crowd: number
  readonly holdMs: number
  /** Visitors who are admitted in a second. @default 1 */
  readonly ratePerSecond?: number
  /** Resolves when a payment is too late. @default after the hold */
  readonly late?: (signal: AbortSignal) => Promise<unknown>
}

export interface Shop {
  readonly url: string
  readonly sale: FlashSale
  readonly room: WaitingRoom
  close(): Promise<void>
}

const CSP = [
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:",
  "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
].join('; ')
/** How long the warehouse packs an order. */
const PACKING_MS = 4_000

/** A shop with one product: its server, its pages, and a provider that takes its payments. */
export async function openShop(options: ShopOptions): Promise<Shop> {
  const { engine, deadlineMs, ledger, port, stock, holdMs, ratePerSecond = 1 } = options
  const shared = { engine, deadlineMs }
  // In your shop all processes have the same id and the same secrets.
  const id = `mango-me-${randomUUID().slice(0, 8)}`
  const secret = process.env.WEBHOOK_SECRET || `whsec_${Buffer.from(randomUUID()).toString('base64')}`
  const room = new WaitingRoom(`${id}-queue`, { ...shared, secret: randomUUID(), ratePerSecond, sale: id })
  const sale = new FlashSale(id, { ...shared, waitingRoom: room })
  await sale.create({ stock: { 'mango-me': stock }, limitPerBuyer: 2, holdMs, retainMs: 3_600_000 })
  await room.create()

  interface Paid {
    readonly data: { readonly reservation: string; readonly payment: string }
  }
  const routes = saleRoutes({
    sale,
    room,
    ledger,
    basePath: '/shop',
    // In your shop the login says who the buyer is.
    identify: ({ headers }) => /(?:^|; )buyer=([\w-]{36})/.exec(headers.get('cookie') ?? '')?.[1],
    webhook: standardWebhook<Paid>({
      secret,
      read: ({ data }) => ({ reservationId: data.reservation, paymentId: data.payment }),
    }),
  })

  const follower = await ledger?.follow(sale)

  /** The parcels of the orders: in your shop the warehouse knows them. */
  const parcels = new Map<string, { readonly reference: string; readonly packedAt: number }>()
  const fulfilment = sale.consume({ group: 'fulfilment' }, async (event) => {
    if (event.type === 'refund_due') provider.giveBack(event.paymentId)
    if (event.type === 'refunded') {
      parcels.delete(event.reservation.id)
      provider.giveBack(event.reservation.paymentId)
    }
    if (event.type !== 'confirmed') return
    const { id } = event.reservation
    const reference = `SNAIL-${id.slice(0, 8).toUpperCase()}`
    if ((await ledger?.ship(sale, id, { carrier: 'snail', reference }))?.status === 'refunded') return
    parcels.set(id, { reference, packedAt: Date.now() })
  })

  /** The order of the path, if it is the buyer's own. */
  const ownOrder = async (c: Context) => {
    const order = await sale.get(c.req.param('id') ?? '')
    return order?.buyer === getCookie(c, 'buyer') ? order : undefined
  }
  const send = (body: string, type: string) => (c: Context) =>
    c.body(body, 200, { 'content-type': type, 'content-security-policy': CSP, 'cache-control': 'no-cache' })
  const { index, pay, style, script } = await readPages()
  const app = new Hono()
    .post('/shop/queue', async (c, next) => {
      if (!getCookie(c, 'stockhold-ticket')) await crowd.come(options.crowd)
      await next()
    })
    .all('/shop/*', ({ req }) => routes(req.raw))
    .get('/orders/:id', async (c) => {
      const order = await ownOrder(c)
      if (!order) return c.json({ error: 'not_found' }, 404)
      const payments = [...provider.payments.values()].filter(({ reservation }) => reservation === order.id)
      const parcel = parcels.get(order.id)
      const isOnItsWay = parcel !== undefined && Date.now() - parcel.packedAt > PACKING_MS
      return c.json({ payments, parcel: parcel && { reference: parcel.reference, isOnItsWay } })
    })
    .post('/orders/:id/return', async (c) => {
      const order = await ownOrder(c)
      if (!order) return c.json({ error: 'not_found' }, 404)
      return c.json(await sale.refund(order.id, { restock: true }))
    })
    .get('/pay/:id', send(pay, 'text/html; charset=utf-8'))
    .post('/pay/:id', async (c) => {
      const { way } = await c.req.parseBody()
      await provider.pay(c.req.param('id'), ways.find((one) => one === way) ?? 'never')
      return c.redirect(`/#${c.req.param('id')}`, 303)
    })
    .get('/style.css', send(style, 'text/css; charset=utf-8'))
    .get('/page.js', send(script, 'text/javascript; charset=utf-8'))
    .get('/', (c) => {
      const login = { httpOnly: true, sameSite: 'Lax', path: '/' } as const
      if (!getCookie(c, 'buyer')) setCookie(c, 'buyer', randomUUID(), login)
      return send(index.replace('{stock}', String(stock)), 'text/html; charset=utf-8')(c)
    })

  const server = createAdaptorServer({ fetch: app.fetch }) as Server
  await new Promise<void>((resolve) => server.listen(port, resolve))
  const url = `http://localhost:${(server.address() as AddressInfo).port}`
  const late = options.late ?? ((signal) => delay(holdMs + 1_000, undefined, { signal }))
  const provider = new FakeProvider(`${url}/shop/payments`, secret, late)
  const crowd = new Crowd(sale, room, (reservation) => provider.pay(reservation, 'now'))

  const close = async () => {
    provider.close()
    crowd.close()
    await routes.close()
    await fulfilment.close()
    await follower?.close()
    await room.close()
    await sale.close()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  return { url, sale, room, close }
}

/** The pages, and their script as a browser loads it. */
async function readPages() {
  const folder = join(repositoryRoot(), 'scripts/shop/page')
  const [index, pay, style] = await Promise.all(
    ['index.html', 'pay.html', 'style.css'].map((name) => readFile(join(folder, name), 'utf8')),
  )
  const options = { bundle: true, minify: true, format: 'esm', target: 'es2022', write: false } as const
  const { outputFiles } = await build({ entryPoints: [join(folder, 'page.ts')], ...options })
  return { index: index!, pay: pay!, style: style!, script: outputFiles[0]!.text }
}
