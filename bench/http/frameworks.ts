import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'
import Fastify, { type FastifyInstance } from 'fastify'
import { type Context, Hono } from 'hono'
import { saleRoutes as fastifySaleRoutes } from '../../src/fastify.js'
import { type SaleRoutesOptions, saleRoutes } from '../../src/http.js'
import type { Framework, HandWritten } from './shop.js'

/** A server that listens. */
export interface Site {
  readonly port: number
  close(): Promise<void>
}

/** Routes that one framework serves: nothing, the library's, or those of a shop written by hand. */
export type Served =
  | { readonly kind: 'empty' }
  | {
      readonly kind: 'sale'
      readonly options: Pick<SaleRoutesOptions, 'sale' | 'room' | 'webhook' | 'onError'>
    }
  | { readonly kind: 'hand-written'; readonly shop: HandWritten }

interface Cart {
  readonly items: readonly { readonly quantity: number }[]
}
interface Payment {
  readonly reservation: string
  readonly payment: string
}

export function serveSite(framework: Framework, served: Served): Promise<Site> {
  return framework === 'fastify' ? serveFastify(served) : serveHono(served)
}

async function serveFastify(served: Served): Promise<Site> {
  const app = Fastify()
  if (served.kind === 'empty') {
    app.get('/empty', () => ({ status: 'ok' }))
    app.post('/empty', (_request, reply) => reply.code(201).send({ status: 'ok' }))
  } else if (served.kind === 'sale') {
    const identify = (request: { headers: NodeJS.Dict<string | string[]> }) =>
      request.headers['x-user']?.toString()
    app.register(fastifySaleRoutes({ ...served.options, identify }))
  } else fastifyByHand(app, served.shop)
  await app.listen({ port: 0, host: '127.0.0.1' })
  return { port: portOf(app.server), close: () => app.close() }
}

function fastifyByHand(app: FastifyInstance, shop: HandWritten): void {
  app.post('/reservations', async ({ headers, body }, reply) => {
    const buyer = headers['x-user']?.toString()
    const key = headers['idempotency-key']?.toString()
    if (!buyer || !key) return reply.code(400).send({ code: 'malformed' })
    const id = await shop.reserve(buyer, key, (body as Cart).items[0]!.quantity)
    return id === undefined ? reply.code(409).send({ code: 'refused' }) : reply.code(201).send(heldOf(id))
  })
  app.post('/payments', async ({ body }, reply) => {
    const { reservation, payment } = body as Payment
    return reply.send({ status: (await shop.pay(reservation, payment)) ? 'confirmed' : 'refund_due' })
  })
}

async function serveHono(served: Served): Promise<Site> {
  const app = new Hono()
  if (served.kind === 'empty') {
    app.get('/empty', (c) => c.json({ status: 'ok' }))
    app.post('/empty', async (c) => {
      await c.req.json()
      return c.json({ status: 'ok' }, 201)
    })
  } else if (served.kind === 'sale') {
    const identify = ({ headers }: Request) => headers.get('x-user') ?? undefined
    const routes = saleRoutes({ ...served.options, identify })
    app.all('/*', ({ req }) => routes(req.raw))
  } else honoByHand(app, served.shop)
  const server = createAdaptorServer({ fetch: app.fetch }) as Server
  // As Fastify has it: in a slow drive a connection has nothing to do for some seconds.
  server.keepAliveTimeout = 72_000
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  return { port: portOf(server), close: () => new Promise((closed) => server.close(() => closed())) }
}

function honoByHand(app: Hono, shop: HandWritten): void {
  app.post('/reservations', async (c: Context) => {
    const buyer = c.req.header('x-user')
    const key = c.req.header('idempotency-key')
    if (!buyer || !key) return c.json({ code: 'malformed' }, 400)
    const { items } = await c.req.json<Cart>()
    const id = await shop.reserve(buyer, key, items[0]!.quantity)
    return id === undefined ? c.json({ code: 'refused' }, 409) : c.json(heldOf(id), 201)
  })
  app.post('/payments', async (c: Context) => {
    const { reservation, payment } = await c.req.json<Payment>()
    return c.json({ status: (await shop.pay(reservation, payment)) ? 'confirmed' : 'refund_due' })
  })
}

const heldOf = (id: string) => ({ id, state: 'held', expiresInMs: 600_000 })

const portOf = (server: { address(): unknown }) => (server.address() as AddressInfo).port
