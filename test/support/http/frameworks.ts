import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'
import express from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'
import { saleRoutes as expressRoutes } from '../../../src/express.js'
import { saleRoutes as fastifyRoutes } from '../../../src/fastify.js'
import { type AllowQuestion, type SaleRoutesOptions, saleRoutes } from '../../../src/http.js'

/** Options that any framework can be given: who sends a request is said by the header `x-buyer`. */
export interface AnyOptions extends Omit<SaleRoutesOptions, 'identify' | 'allow'> {
  allow?: (question: Pick<AllowQuestion, 'buyer' | 'sku'>) => boolean
}

/** A framework that serves the routes of a sale. */
export interface Served {
  /** Without a network where there is none. */
  fetch(path: string, init?: RequestInit): Promise<Response>
  /** Ends the event streams. */
  drain(): Promise<void>
  close(): Promise<void>
  /** `http://127.0.0.1:port`; '' without a network. */
  readonly url: string
}

export interface Framework {
  readonly name: string
  serve(options: AnyOptions): Promise<Served>
}

/** Buyers of whom `identify` cannot say that they are known: it throws, or it rejects. */
export const unreadable = ['thrown', 'rejected'] as const

/**
 * `ann of oak`: the buyer ann, of the household oak. `ann once eve`: ann, who was the guest eve.
 * `ann once`: the guest has an empty name.
 */
function ofHeader(value: string | null | undefined): ReturnType<SaleRoutesOptions['identify']> {
  if (value === 'thrown') throw new Error('the session store is away')
  if (value === 'rejected') return Promise.reject(new Error('the session store is away'))
  const [who, guest] = (value ?? '').split(/ once ?/) as [string, string?]
  const [buyer, household] = who.split(' of ') as [string, string?]
  if (value === null || value === undefined) return undefined
  return household === undefined && guest === undefined ? buyer : { buyer, household, guest }
}

/** The handler itself. */
export const standards: Framework = {
  name: 'web standards',
  serve: async (options) => {
    const routes = saleRoutes({ ...options, identify: ({ headers }) => ofHeader(headers.get('x-buyer')) })
    const fetch = (path: string, init?: RequestInit) => routes(new Request(`http://shop.test${path}`, init))
    return { fetch, drain: routes.close, close: routes.close, url: '' }
  },
}

const onHono: Framework = {
  name: 'Hono',
  serve: async (options) => {
    const routes = saleRoutes({ ...options, identify: ({ headers }) => ofHeader(headers.get('x-buyer')) })
    const app = new Hono().all('*', ({ req }) => routes(req.raw))
    const server = createAdaptorServer({ fetch: app.fetch }) as Server
    return listening(server, routes.close)
  },
}

const onExpress: Framework = {
  name: 'Express',
  serve: async (options) => {
    const routes = expressRoutes<express.Request>({
      ...options,
      identify: (req) => ofHeader(req.get('x-buyer')),
    })
    const app = express()
    app.use((request, response, next) => {
      next()
      if (request.get('x-hasty')) response.end('too late')
    })
    app.use(routes)
    // What a shop without these routes would answer: they let other paths through.
    app.use((_request, response) => void response.status(404).json({ code: 'no_such_route' }))
    return listening(createServer(app), routes.close)
  },
}

const onFastify: Framework = {
  name: 'Fastify',
  serve: async (options) => {
    // A client may have opened a connection for nothing, and Node would wait for it.
    const app = fastify({ forceCloseConnections: true })
    const identify = ({ headers }: { headers: Record<string, unknown> }) =>
      ofHeader(headers['x-buyer'] as string | undefined)
    const routes = fastifyRoutes({ ...options, identify })
    app.addHook('preHandler', (request, reply, done) => {
      done()
      if (request.headers['x-hasty']) reply.send('too late')
    })
    app.register(routes)
    app.setNotFoundHandler((_request, reply) => void reply.code(404).send({ code: 'no_such_route' }))
    const url = await app.listen({ host: '127.0.0.1', port: 0 })
    const fetched = (path: string, init?: RequestInit) => fetch(url + path, init)
    return { fetch: fetched, drain: routes.close, close: () => app.close(), url }
  },
}

/** An answer that the application gives while the routes still work is asked for by `x-hasty`. */
export const hasty: readonly Framework[] = [onExpress, onFastify]

export const frameworks: readonly Framework[] = [standards, onHono, onExpress, onFastify]

async function listening(server: Server, drain: () => Promise<void>): Promise<Served> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const close = async () => {
    await drain()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  return { fetch: (path, init) => fetch(url + path, init), drain, close, url }
}
