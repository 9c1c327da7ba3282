/** The page of the waiting room's chapter in a browser, on the server of that chapter. */
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { build } from 'esbuild'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { type RedisServer, startRedis } from '../../scripts/lib/servers/redis/server.js'
import { FlashSale, type JoinedQueue, type PollResult, redisEngine, WaitingRoom } from '../../src/index.js'
import { useBrowser } from '../support/browser.js'
import { SECRET } from '../support/waiting-room.js'
import { blocksOf, root, swap } from './chapters.js'
import { patient } from './patient.js'

const folder = `${root}node_modules/.cache/stockhold/readme-page-${process.pid}`
const CHAPTER = 'src/waiting-room/README.md'
const snippet = blocksOf(CHAPTER, 'ts').find((code) => /export .*events/.test(code))!
// In place of half a minute until a page asks again whether a room that was sold out is open.
const polling = swap(blocksOf(CHAPTER, 'html')[0]!, { '30_000': '300' })
/** As its comment says: one or the other, for a page that does both goes to the checkout twice. */
const pages = { poll: polling, EventSource: swap(polling, { 'poll() // or listen()': 'listen()' }) }

/** Only what never happens reaches it. ms */
const timeout = 300_000
const browser = useBrowser()
let redis: RedisServer

beforeAll(async () => {
  redis = await startRedis()
  await mkdir(folder, { recursive: true })
})
afterAll(async () => {
  await redis.stop()
  await rm(folder, { recursive: true, force: true })
})

interface Shop {
  join(buyer: string): Promise<JoinedQueue>
  poll(ticket: string): Promise<PollResult>
  events(ticket: string, response: ServerResponse): Promise<void>
}

let rooms = 0

/**
 * The server of the chapter, with one unit for sale and a rate of 0; and a page on it, opened by
 * the buyer `ann`.
 */
async function open(variant: keyof typeof pages) {
  const id = `night-${++rooms}`
  const code = swap(snippet, {
    'mango-me-night': id,
    '100_000': '1',
    'ratePerSecond: 500': 'ratePerSecond: 0',
  })
  await writeFile(`${folder}/${id}.ts`, code)
  const outfile = `${folder}/${id}.mjs`
  const alias = { stockhold: `${root}src/index.ts` }
  const loader = { '.lua': 'text' } as const
  const external = ['ioredis', 'fast-jwt', 'p-limit']
  const entryPoints = [`${folder}/${id}.ts`]
  await build({
    entryPoints,
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    external,
    alias,
    loader,
    plugins: [patient],
  })
  vi.stubEnv('REDIS_URL', redis.url)
  vi.stubEnv('PASS_SECRET', SECRET)
  onTestFinished(() => void vi.unstubAllEnvs())
  const shop: Shop = await import(outfile)
  const engine = redisEngine(redis.url)
  const sale = new FlashSale(id, { engine, deadlineMs: 60_000 })
  const room = new WaitingRoom(`${id}-queue`, {
    ...{ engine, secret: SECRET, ratePerSecond: 0, sale: id, deadlineMs: 60_000 },
  })
  onTestFinished(() => engine.close())

  const server = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url!, 'http://shop')
    const ticket = searchParams.get('ticket') ?? ''
    if (pathname === '/queue/events') {
      const writeHead = response.writeHead.bind(response)
      // The browser shall not take its time to connect again.
      response.writeHead = ((...head: Parameters<typeof writeHead>) =>
        writeHead(...head).write('retry: 10\n\n')) as never
      await shop.events(ticket, response)
    } else if (pathname === '/queue') {
      const answer = request.method === 'POST' ? await shop.join('ann') : await shop.poll(ticket)
      response.setHeader('content-type', 'application/json').end(JSON.stringify(answer))
    } else {
      response.setHeader('content-type', 'text/html; charset=utf-8')
      response.end(pathname === '/checkout' ? 'Checkout' : pages[variant])
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const page = await browser().newPage()
  onTestFinished(async () => {
    await page.close()
    server.closeAllConnections()
    server.close()
  })
  page.setDefaultTimeout(timeout)
  await page.addInitScript(`
    const Native = EventSource
    EventSource = class extends Native { constructor(...args) { super(...args); window.source = this } }`)
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
  const shows = (text: RegExp) =>
    expect.poll(() => page.locator('#position').textContent(), { timeout }).toMatch(text)
  await shows(/^1 in the queue/)
  return { page, sale, room, shows }
}

/**
 * Whether the page listens: a browser connects again for ever, unless the page closes its
 * EventSource.
 */
function listens(page: Page): Promise<boolean> {
  return page.evaluate('window.source !== undefined && window.source.readyState !== EventSource.CLOSED')
}

describe.each(['poll', 'EventSource'] as const)('with %s', (variant) => {
  test('goes to the checkout with the pass when it is the turn of the visitor', async () => {
    const { page, room } = await open(variant)
    await room.setRate(100)
    await page.waitForURL(/\/checkout#/)
    const pass = new URL(page.url()).hash.slice(1)
    await room.ready()
    expect(room.verify(pass, { buyer: 'ann' })).toMatchObject({ buyer: 'ann' })
  })

  test('says that the sale is over, and asks no more', async () => {
    const { page, sale, shows } = await open(variant)
    await sale.end()
    await shows(/^The sale is over/)
    await expect.poll(() => listens(page), { timeout }).toBe(false)
  })

  test('says that the position was given up, and asks no more', async () => {
    const { page, room, shows } = await open(variant)
    await room.revoke('ann')
    await shows(/^Your position was given up/)
    await expect.poll(() => listens(page), { timeout }).toBe(false)
  })

  test('waits on when all is sold, and goes on when a unit comes back', async () => {
    const { page, sale, room, shows } = await open(variant)
    const sold = await sale.reserve({ buyer: 'ben', items: [{ sku: 'mango-me', quantity: 1 }] })
    if (sold.status !== 'reserved') return expect.fail(sold.status)
    await sale.confirm(sold.reservation.id)
    await shows(/^Sold out/)
    expect(await listens(page)).toBe(variant === 'EventSource')
    await sale.refund(sold.reservation.id, { restock: true })
    await room.setRate(100)
    await page.waitForURL(/\/checkout#/)
  })
})
