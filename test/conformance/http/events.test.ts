/** Server-sent events: what a visitor is told, and what must never happen to the process. */
import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { StockholdError } from '../../../src/index.js'
import { memoryKind } from '../../support/engines.js'
import { type Framework, frameworks, hasty, standards } from '../../support/http/frameworks.js'
import { HttpShop, type ShopOptions } from '../../support/http/shop.js'

type Event = { readonly id: string; readonly data: Record<string, unknown> }

/** Reads an event stream as a browser does. */
class Reader {
  text = ''
  readonly response: Response
  readonly ended: Promise<'ended' | 'broken off'>
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>

  constructor(response: Response) {
    this.response = response
    this.#reader = response.body!.getReader()
    this.ended = this.#read().then(
      () => 'ended',
      () => 'broken off',
    )
  }

  static async open(shop: HttpShop, headers: Record<string, string>): Promise<Reader> {
    const response = await shop.served.fetch('/queue/events', { headers })
    expect(response.status).toBe(200)
    const reader = new Reader(response)
    onTestFinished(() => reader.close())
    return reader
  }

  get events(): Event[] {
    return [...this.text.matchAll(/id: (.*)\ndata: (.*)\n\n/g)].map(([, id, data]) => ({
      id: id!,
      data: JSON.parse(data!),
    }))
  }

  close(): Promise<void> {
    return this.#reader.cancel().catch(() => {})
  }

  /** Waits for an event of this status. */
  async until(status: string): Promise<Event> {
    await vi.waitFor(() => expect(this.events.map(({ data }) => data.status)).toContain(status), {
      timeout: 30_000,
    })
    return this.events.find(({ data }) => data.status === status)!
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder()
    for (;;) {
      const { done, value } = await this.#reader.read()
      if (done) return
      this.text += decoder.decode(value, { stream: true })
    }
  }
}

/** A room that admits nobody until it is told to. */
const closedDoor: ShopOptions = { room: { ratePerSecond: 0 } }

for (const framework of frameworks) describe(framework.name, () => suite(framework))

function suite(framework: Framework): void {
  const open = async (options: ShopOptions = closedDoor) =>
    HttpShop.open(framework, await memoryKind().make(), options)

  test('a visitor hears of position and turn, without the pass, and the stream ends', async () => {
    const shop = await open()
    const ticket = await shop.join('u-1')
    const stream = await Reader.open(shop, ticket)
    expect(stream.response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    expect(stream.response.headers.get('cache-control')).toBe('no-store, no-transform')
    const waiting = await stream.until('waiting')
    expect(waiting).toMatchObject({ id: '1', data: { position: 1 } })
    await shop.room!.setRate(1_000)
    await shop.time.advance(1_000)
    const admitted = await stream.until('admitted')
    expect(await stream.ended).toBe('ended')
    expect(admitted.id).toMatch(/^end-/)
    expect(admitted.data.expiresInMs).toBeGreaterThan(0)
    expect(stream.text).not.toContain('pass')
    const polled = await shop.call('GET', '/queue', { headers: ticket })
    const pass = polled.headers.get('stockhold-pass')!
    expect(await shop.reserve('u-1', 'k-1', 1, { 'stockhold-pass': pass })).toMatchObject({ status: 201 })
  })

  test('a browser that comes back after the end is told once to stay away', async () => {
    const shop = await open()
    const ticket = await shop.join('u-1')
    const stream = await Reader.open(shop, ticket)
    await stream.until('waiting')
    await shop.call('DELETE', '/queue', { headers: ticket })
    const gone = await stream.until('gone')
    expect(await stream.ended).toBe('ended')
    const back = await shop.call('GET', '/queue/events', { headers: { ...ticket, 'last-event-id': gone.id } })
    expect(back).toMatchObject({ status: 204, body: null })
    // The buyer joins again in the same page: the end was the end of the other visit only.
    const other = await shop.join('u-1')
    const again = await Reader.open(shop, { ...other, 'last-event-id': gone.id })
    await again.until('waiting')
  })

  test('a drain ends every stream at once, and browsers come back later', async () => {
    const shop = await open()
    const streams = await Promise.all(
      Array.from({ length: 20 }, async (_, i) => Reader.open(shop, await shop.join(`u-${i}`))),
    )
    for (const stream of streams) await stream.until('waiting')
    // Their next heartbeat and their next poll are far off: they end because they are told to.
    await shop.served.drain()
    expect(new Set(await Promise.all(streams.map((stream) => stream.ended)))).toEqual(new Set(['ended']))
    for (const stream of streams) expect(stream.text).not.toContain('id: end-')
    const delays = streams.map(({ text }) => Number(/^retry: (\d+)\n\n/.exec(text)![1]))
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(2_000)
    expect(Math.max(...delays)).toBeLessThanOrEqual(10_000)
    expect(new Set(delays).size).toBeGreaterThan(10)
  })

  test('a client that goes away leaves nothing behind', async () => {
    // No heartbeat writes to the client: that it has gone is noticed at once.
    const events = { maxStreams: 3, heartbeatMs: 3_600_000 }
    const shop = await open({ ...closedDoor, routes: { events } })
    const tickets = await Promise.all(['u-1', 'u-2', 'u-3', 'u-4'].map((buyer) => shop.join(buyer)))
    const streams = await Promise.all(tickets.slice(0, 3).map((ticket) => Reader.open(shop, ticket)))
    for (const stream of streams) await stream.until('waiting')
    const status = async () => (await shop.call('GET', '/queue/events', { headers: tickets[3]! })).status
    expect(await status()).toBe(503)
    await streams[1]!.close()
    await vi.waitFor(async () => expect(await status()).toBe(200), { timeout: 30_000 })
    expect(shop.errors).toEqual([])
  })

  test('a fault in the middle of a stream ends that stream, and nothing else', async () => {
    const shop = await open()
    const rejections: unknown[] = []
    const onRejection = (error: unknown) => void rejections.push(error)
    process.on('unhandledRejection', onRejection)
    onTestFinished(() => void process.off('unhandledRejection', onRejection))
    const stream = await Reader.open(shop, await shop.join('u-1'))
    await stream.until('waiting')
    const error = new StockholdError('STATE_LOST', 'gone')
    vi.spyOn(shop.room!, 'poll').mockRejectedValue(error)
    onTestFinished(() => void vi.restoreAllMocks())
    expect(await stream.ended).toBe('ended')
    expect(stream.text).not.toContain('id: end-')
    expect(shop.errors).toEqual([error])
    expect(await shop.call('GET', '/healthz')).toMatchObject({ status: 200 })
    await pause(20)
    expect(rejections).toEqual([])
  })
}

test.each(hasty)('$name: an answer that the application gave before leaves no stream behind', async (one) => {
  const events = { maxStreams: 1, heartbeatMs: 3_600_000 }
  const shop = await HttpShop.open(one, await memoryKind().make(), { ...closedDoor, routes: { events } })
  const ticket = await shop.join('u-1')
  const first = await shop.served.fetch('/queue/events', { headers: { ...ticket, 'x-hasty': 'yes' } })
  expect(await first.text()).toBe('too late')
  const stream = await vi.waitFor(() => Reader.open(shop, ticket), { timeout: 30_000 })
  await stream.until('waiting')
  expect(shop.errors).toEqual([])
})

describe('the streams of a process', () => {
  const open = async (routes: ShopOptions['routes']) =>
    HttpShop.open(standards, await memoryKind().make(), { ...closedDoor, ...(routes && { routes }) })

  test('are kept awake by comments', async () => {
    const shop = await open({ events: { heartbeatMs: 20 } })
    const stream = await Reader.open(shop, await shop.join('u-1'))
    await vi.waitFor(() => expect(stream.text.split(':\n\n').length).toBeGreaterThan(4), { timeout: 30_000 })
  })

  test('give up a client that reads nothing', async () => {
    const shop = await open({ events: { heartbeatMs: 20, maxStreams: 1 } })
    const ticket = await shop.join('u-1')
    const unread = await shop.served.fetch('/queue/events', { headers: ticket })
    expect(unread.status).toBe(200)
    const status = async () => (await shop.call('GET', '/queue/events', { headers: ticket })).status
    expect(await status()).toBe(503)
    await vi.waitFor(async () => expect(await status()).toBe(200), { timeout: 30_000 })
  })

  test('are at most four for one ticket', async () => {
    const shop = await open(undefined)
    const ticket = await shop.join('u-1')
    for (let tab = 0; tab < 4; tab++) await Reader.open(shop, ticket)
    expect(await shop.call('GET', '/queue/events', { headers: ticket })).toMatchObject({
      status: 503,
      body: { code: 'too_many_streams' },
    })
  })
})
