/** `npm run load`: what it refuses, how it drives a shop, and which faults of a shop it finds. */
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { createAdaptorServer } from '@hono/node-server'
import Fastify, { type FastifyRequest } from 'fastify'
import { describe, expect, onTestFinished, test } from 'vitest'
import { freePort } from '../../scripts/lib/servers/machine.js'
import { eventSource } from '../../scripts/load/event-source.js'
import { LoadRun, load } from '../../scripts/load/load.js'
import { type LoadOptions, readOptions } from '../../scripts/load/options.js'
import { loadPage, reportOf } from '../../scripts/load/report.js'
import { Book } from '../../scripts/load/told.js'
import type { End } from '../../scripts/load/visitor.js'
import { saleRoutes as fastifyRoutes } from '../../src/fastify.js'
import { saleRoutes, standardWebhook, stripeWebhook } from '../../src/http.js'
import { FlashSale, memoryEngine, type SaleRules, WaitingRoom } from '../../src/index.js'
import { root } from './chapters.js'

const secret = `whsec_${Buffer.from('a secret of the webhook').toString('base64')}`
const STOCK = { 'mango-me': 8 }

const standard = () =>
  standardWebhook<{ data: { reservation: string; payment: string } }>({
    secret,
    read: ({ data }) => ({ reservationId: data.reservation, paymentId: data.payment }),
  })

/** A sale without a waiting room, and its routes. */
async function openSale(id: string, rules: Partial<SaleRules> = {}) {
  const engine = memoryEngine()
  const sale = new FlashSale(id, { engine })
  await sale.create({ stock: STOCK, ...rules })
  const identify = ({ headers }: Request) => headers.get('x-user') ?? undefined
  const routes = saleRoutes({ sale, identify, webhook: standard(), onError: () => {} })
  onTestFinished(() => engine.close())
  return { sale, routes }
}

/** A shop that answers by this function. */
async function serve(handle: (request: Request) => Response | Promise<Response>) {
  const server = createAdaptorServer({ fetch: handle }) as Server
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const stop = () => {
    server.closeAllConnections()
    return new Promise((closed) => server.close(closed))
  }
  onTestFinished(async () => {
    await stop()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, stop }
}

const optionsFor = (url: string, change: Partial<LoadOptions> = {}): LoadOptions => ({
  ...readOptions(['--url', url, '--visitors', '14', '--rate', '1000', '--think', '0', '--seed', '5'], {
    WEBHOOK_SECRET: secret,
  }),
  ...change,
})

const never = new AbortController().signal

async function runOn(url: string, change: Partial<LoadOptions> = {}, signal = never) {
  const run = new LoadRun(optionsFor(url, change))
  const result = await load(run, { signal, patienceMs: 60_000, againMs: 100 })
  const broken = result.invariants.filter(({ holds }) => !holds).map(({ rule }) => rule)
  return { run, result, broken }
}

const always = { leave: 0, twice: 0, release: 0, abandon: 0 }

describe('a shop that is right', () => {
  test('on Fastify with a waiting room: visitors wait by events or polls, buy, pay, leave, and all rules hold', async () => {
    const engine = memoryEngine()
    const room = new WaitingRoom('load', {
      engine,
      secret: 'x'.repeat(32),
      ratePerSecond: 1_000,
      sale: 'load',
    })
    const sale = new FlashSale('load', { engine, waitingRoom: room })
    // With fewer units a room would let some visitors wait until the holds of others have ended.
    await sale.create({ stock: { 'mango-me': 14 } })
    await room.create()
    const identify = ({ headers }: FastifyRequest) => headers['x-user']?.toString()
    const app = Fastify({ forceCloseConnections: true })
    app.register(fastifyRoutes({ sale, room, identify, webhook: standard() }), { prefix: '/shop' })
    await app.listen({ port: 0, host: '127.0.0.1' })
    onTestFinished(async () => {
      await app.close()
      await engine.close()
    })
    const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}/shop`
    const shares = { leave: 0.2, twice: 1, release: 0.2, abandon: 0.2 }
    const { run, result, broken } = await runOn(url, { shares, streams: 7 })
    expect(broken).toEqual([])
    expect(result.isJudged).toBe(true)
    expect(result.invariants.map(({ rule }) => rule)).toContain('the same key gets the same reservation')
    expect([...run.ends.values()].reduce((sum, count) => sum + count)).toBe(14)
    // A visitor who leaves gives a poll up: that is no fault of the shop.
    expect(run.meter.faults).toBe(0)
    const { confirmed, held } = run.book.units()
    const { skus } = await sale.stats()
    expect(skus['mango-me']).toMatchObject({ confirmed, held })
    expect(run.meter.routes.get('GET /queue/events')?.statuses.get(200)).toBeGreaterThan(0)

    const report = reportOf(run, result, new Date(0))
    expect(report.verdict).toBe('holds')
    const page = loadPage(report)
    expect(page).toContain('Nothing was oversold, as far as buyers were told')
    expect(page).not.toContain(secret)
  })

  test('visitors who wait for nothing but holds to expire go home when all have come', async () => {
    const engine = memoryEngine()
    const room = new WaitingRoom('crowded-queue', {
      ...{ engine, secret: 'x'.repeat(32), ratePerSecond: 1_000, sale: 'crowded' },
    })
    const sale = new FlashSale('crowded', { engine, waitingRoom: room })
    // The holds of those who abandon their baskets last for a day.
    await sale.create({ stock: STOCK, holdMs: 86_400_000, maxHoldMs: 86_400_000 })
    await room.create()
    const identify = ({ headers }: Request) => headers.get('x-user') ?? undefined
    const { url } = await serve(saleRoutes({ sale, room, identify, webhook: standard() }))
    onTestFinished(() => engine.close())
    const shares = { ...always, abandon: 0.5 }
    const { run, result, broken } = await runOn(url, { shares, visitors: 20 })
    expect(broken).toEqual([])
    expect(result.isJudged).toBe(true)
    expect(run.endedBy).toContain('every unit was sold, or on hold')
    const { confirmed, held } = run.book.units()
    expect([confirmed + held, held > 0]).toEqual([8, true])
    expect(run.ends.get('sold out')).toBe(12)
  })

  test('takes payments by webhooks that are signed as Stripe does', async () => {
    const { sale } = await openSale('stripe')
    const webhook = stripeWebhook({
      secret,
      read: ({ data: { object } }) => ({
        reservationId: object.client_reference_id,
        paymentId: object.payment_intent,
      }),
    })
    const identify = ({ headers }: Request) => headers.get('x-user') ?? undefined
    const { url } = await serve(saleRoutes({ sale, identify, webhook }))
    const { run, broken } = await runOn(url, {
      shares: always,
      visitors: 2,
      webhook: { scheme: 'stripe', secret },
    })
    expect(broken).toEqual([])
    expect(run.book.units()).toMatchObject({ confirmed: 2 })
  })
})

describe('a fault of the shop is found', () => {
  const takesAll = { shares: { ...always, abandon: 1 } }

  test('it sells more than it shows', async () => {
    const shown = await openSale('shown', { stock: { 'mango-me': 3 } })
    const sold = await openSale('sold', { stock: { 'mango-me': 20 } })
    const { url } = await serve((request) =>
      request.url.endsWith('/sale') ? shown.routes(request) : sold.routes(request),
    )
    const { broken, run, result } = await runOn(url, { ...takesAll, visitors: 5 })
    expect(broken).toEqual([
      'buyers never had more units at one moment than were on sale',
      'every unit that a buyer was told of has left the stock',
    ])
    expect(reportOf(run, result, new Date(0)).verdict).toBe('broken')
  })

  test('it sells a unit that another buyer still has', async () => {
    const { sale, routes } = await openSale('twice', { stock: { 'mango-me': 1 } })
    const answer = async (request: Request) => {
      const response = await routes(request)
      const { id } = (await response.clone().json()) as { id?: string }
      if (response.status === 201) await sale.release(id!)
      return response
    }
    let before: Promise<unknown> = Promise.resolve()
    const { url } = await serve((request) => {
      const response = before.then(() => answer(request))
      before = response
      return response
    })
    const { broken } = await runOn(url, { ...takesAll, visitors: 2 })
    expect(broken).toContain('buyers never had more units at one moment than were on sale')
    expect(broken).toContain("a buyer's own list shows what the buyer was told")
  })

  test('it forgets the keys of requests', async () => {
    const { routes } = await openSale('keys')
    let presses = 0
    const { url } = await serve((request) => {
      if (request.method !== 'POST') return routes(request)
      const headers = new Headers(request.headers)
      headers.set('idempotency-key', `press-${presses++}`)
      return routes(new Request(request, { headers }))
    })
    const { broken } = await runOn(url, { visitors: 2, shares: { ...always, twice: 1, abandon: 1 } })
    expect(broken).toContain('the same key gets the same reservation')
    expect(broken).toContain("a buyer's own list shows what the buyer was told")
  })

  test('it gives the money back for a hold that was paid in time', async () => {
    const { routes } = await openSale('paid')
    const { url } = await serve((request) =>
      request.url.endsWith('/payments') ? Response.json({ status: 'refund_due' }) : routes(request),
    )
    const { broken } = await runOn(url, { visitors: 1, shares: always })
    expect(broken).toContain('a payment within the time of the hold makes an order')
  })

  test('units leave the stock that no buyer was told of', async () => {
    const { sale, routes } = await openSale('lost')
    const { url } = await serve(async (request) => {
      if (request.method === 'POST') {
        await sale.reserve({ buyer: 'another', items: [{ sku: 'mango-me', quantity: 1 }], key: 'k' })
      }
      return routes(request)
    })
    const { broken } = await runOn(url, { ...takesAll, visitors: 1 })
    expect(broken).toEqual(['every unit that has left the stock is one that a buyer was told of'])
  })
})

describe('what was answered by an internal error may have been done', () => {
  const paid = { shares: { ...always, twice: 1 } }
  /** The answers of a route that are lost, by their number. */
  type Lost = (nth: number) => boolean
  test.each<[string, string, Lost, Partial<LoadOptions>, End, object]>([
    [
      'a release',
      'DELETE /reservations',
      () => true,
      { shares: { ...always, release: 1 } },
      'turned away',
      { unknown: 1 },
    ],
    ['a payment', 'POST /payments', () => true, paid, 'turned away', { unknown: 1 }],
    [
      'a payment that is reported again',
      'POST /payments',
      (nth) => nth === 0,
      paid,
      'paid',
      { confirmed: 1 },
    ],
    ['a payment that was answered', 'POST /payments', (nth) => nth > 0, paid, 'paid', { confirmed: 1 }],
    ['a press after the answer', 'POST /reservations', (nth) => nth > 1, paid, 'paid', { confirmed: 1 }],
    ['the list', 'GET /reservations', () => true, paid, 'paid', { confirmed: 1 }],
  ])('%s', async (_, route, isLost, options, end, units) => {
    const { routes } = await openSale('internal')
    let asked = 0
    const { url } = await serve(async (request) => {
      const answer = await routes(request)
      const isAsked = `${request.method} ${new URL(request.url).pathname}`.startsWith(route)
      if (!isAsked || !isLost(asked++)) return answer
      return Response.json({ code: 'INTERNAL' }, { status: 500 })
    })
    const { run, broken, result } = await runOn(url, { visitors: 1, ...options })
    expect(broken).toEqual([])
    expect(result.isJudged).toBe(true)
    expect([...run.ends]).toEqual([[end, 1]])
    expect(run.book.units()).toMatchObject(units)
  })
})

test('an event of which a stream had only a part is not joined to the next one', async () => {
  const streams = ['retry: 0\nid: 1\ndata: whole\n\nid: 2\ndata: half\n', 'id: 2\ndata: again\n\n']
  const asked: (string | undefined)[] = []
  const Source = eventSource(async (headers) => {
    asked.push(headers['last-event-id'])
    const text = streams.shift()
    return text === undefined ? undefined : { status: 200, body: Readable.from([text]) }
  })
  const source = new Source('/queue/events', { withCredentials: true })
  const told: string[] = []
  source.onmessage = ({ data }) => told.push(data)
  await new Promise<void>((closed) => {
    source.onerror = () => {
      if (source.readyState === 2) closed()
    }
  })
  expect(told).toEqual(['whole', 'again'])
  expect(asked).toEqual([undefined, '1', '2'])
})

describe('a shop that cannot be judged', () => {
  test('it dies in the middle: what was told by then breaks no rule, and nothing is compared', async () => {
    const { routes } = await openSale('dies')
    const interrupt = new AbortController()
    const shop = await serve(async (request) => {
      const answer = await routes(request)
      if (answer.status === 201) setImmediate(() => void shop.stop())
      return answer
    })
    const run = new LoadRun(optionsFor(shop.url))
    const done = load(run, { signal: interrupt.signal, patienceMs: 30_000, againMs: 100 })
    await expect.poll(() => run.meter.faults).toBeGreaterThan(0)
    interrupt.abort()
    const result = await done
    expect(result.isJudged).toBe(false)
    expect(result.invariants.filter(({ holds }) => !holds)).toEqual([])
    expect(run.ends.get('cut off')).toBeGreaterThan(0)
    expect(reportOf(run, result, new Date(0)).verdict).toBe('not judged')
  })

  test('it does not answer', async () => {
    const run = new LoadRun(optionsFor(`http://127.0.0.1:${await freePort()}`))
    await expect(load(run, { signal: never, patienceMs: 10, againMs: 100 })).rejects.toThrow(
      'has not answered',
    )
    expect(run.arrived).toBe(0)
  })

  test('it does not know the buyers, rejects the webhook, has none, or is no shop', async () => {
    const { routes } = await openSale('login')
    const { url } = await serve(routes)
    await expect(runOn(url, { headers: [] })).rejects.toThrow('--header')
    const webhook = { scheme: 'stripe', secret } as const
    await expect(runOn(url, { webhook, visitors: 1, shares: always })).rejects.toThrow('--webhook')
    // Of the same sale a unit may be shown on hold by now.
    const another = await openSale('no-payments')
    const noPayments = await serve((request) =>
      request.url.endsWith('/payments')
        ? Response.json({ code: 'no_such_route' }, { status: 404 })
        : another.routes(request),
    )
    await expect(runOn(noPayments.url, { visitors: 1, shares: always })).rejects.toThrow('WEBHOOK_SECRET')
    await expect(runOn(`${url}/elsewhere`)).rejects.toThrow('no_such_route')
    const page = await serve(() => new Response('<h1>Welcome</h1>'))
    await expect(runOn(page.url)).rejects.toThrow('not by stockhold')
  })

  test('units are on hold already', async () => {
    const { sale, routes } = await openSale('held')
    await sale.reserve({ buyer: 'ann', items: [{ sku: 'mango-me', quantity: 1 }] })
    const { url } = await serve(routes)
    await expect(runOn(url)).rejects.toThrow('on hold already')
  })
})

describe('options', () => {
  test.each([
    [[], '--url is missing'],
    [['--url', 'ftp://shop'], '--url must be an http'],
    [['--url', 'http://u:secret@shop/?x'], '--url must be an http'],
    [
      ['--url', 'http://shop', '--visitors', 'Infinity'],
      '--visitors must be a whole number from 1 to 1000000',
    ],
    [['--url', 'http://shop', '--visitors', '1000001'], '--visitors must be'],
    [['--url', 'http://shop', '--rate', '1e9'], '--rate must be a number greater than 0, at most 20000'],
    [['--url', 'http://shop', '--minutes', '61'], '--minutes must be a number greater than 0, at most 60'],
    [['--url', 'http://shop', '--minutes', '0'], '--minutes must be'],
    [['--url', 'http://shop', '--streams', '20001'], '--streams must be'],
    [
      ['--url', 'http://shop', '--release', '60', '--abandon', '50'],
      '--abandon and --release are 100 at most',
    ],
    [['--url', 'http://shop', '--webhook', 'stripe'], '--webhook needs the secret'],
    [['--url', 'http://shop', '--visitor', '5'], "Unknown option '--visitor'. Did you mean --visitors?"],
    [['--url', 'http://shop', '--header', 'x-user'], "--header must be 'name: value'"],
  ])('%j are refused', (args, reason) => {
    expect(() => readOptions(args, {})).toThrow(reason)
  })

  test('have defaults', () => {
    expect(readOptions(['--url', 'https://shop/sale/', '--seed', '1'], {})).toMatchObject({
      ...{ url: 'https://shop/sale', visitors: 1_000, rate: 100, minutes: 10, thinkMs: 2_000 },
      ...{ headers: [['x-user', '{buyer}']], webhook: undefined, sku: undefined },
    })
  })
})

test('a unit that went from one buyer to the next was never with both', () => {
  const book = new Book()
  const first = book.asks('a', 1)
  Object.assign(first, { id: '1', state: 'released', from: 10, heldUntil: 100, releasedFrom: 20 })
  const second = book.asks('a', 1)
  Object.assign(second, { id: '2', state: 'held', from: 20, heldUntil: 120, expiresAt: 5_000 })
  expect(book.most('a')).toBe(1)
  second.from = 19
  expect(book.most('a')).toBe(2)
  expect(book.missing('a', 4_000)).toEqual({ least: 1, most: 1 })
  expect(book.missing('a', 5_500)).toEqual({ least: 0, most: 1 })
  expect(book.missing('a', 9_000)).toEqual({ least: 0, most: 0 })
})

test('as a command: prints the verdict, writes its report, and exits with 0', async () => {
  const { routes } = await openSale('command')
  const { url } = await serve(routes)
  const out = await mkdtemp(join(tmpdir(), 'stockhold-load-'))
  onTestFinished(() => rm(out, { recursive: true, force: true }))
  const args = ['--url', url, '--visitors', '3', '--think', '0', '--out', out]
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['scripts/run.mjs', 'scripts/load/main.ts', ...args],
    {
      cwd: root,
      env: { ...process.env, WEBHOOK_SECRET: secret },
    },
  )
  expect(stdout).toContain('verdict: Nothing was oversold')
  expect(JSON.parse(await readFile(join(out, 'report.json'), 'utf8'))).toMatchObject({ verdict: 'holds' })
  expect(await readFile(join(out, 'report.html'), 'utf8')).toContain('<h1>stockhold load</h1>')
})
