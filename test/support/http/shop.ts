import { onTestFinished } from 'vitest'
import { PROBLEMS, type ProblemCode } from '../../../src/http/problems.js'
import { Router } from '../../../src/http/router.js'
import { ROUTES } from '../../../src/http/routes.js'
import { FlashSale, type SaleRules, WaitingRoom, type WaitingRoomOptions } from '../../../src/index.js'
import type { TimedEngine } from '../engines.js'
import type { AnyOptions, Framework, Served } from './frameworks.js'

const SECRET = 'a secret of thirty-two bytes, at least'
/** Only a hang reaches it, however busy the machine is. */
const DEADLINE_MS = 60_000

/** What a request is answered. */
export interface Told {
  readonly status: number
  readonly headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: each route has a body of its own.
  readonly body: any
}

export interface Asked {
  readonly buyer?: string
  readonly key?: string
  readonly body?: unknown
  /** The body as it is. */
  readonly text?: string | ReadableStream<Uint8Array>
  readonly headers?: Record<string, string>
}

export interface ShopOptions {
  readonly rules?: Partial<SaleRules>
  /** Options of the waiting room; without them there is none. */
  readonly room?: Partial<WaitingRoomOptions>
  readonly routes?: Omit<AnyOptions, 'sale' | 'room'>
}

let shops = 0

/** A sale behind its routes, and what was answered so far. */
export class HttpShop {
  readonly sale: FlashSale
  readonly room: WaitingRoom | undefined
  readonly time: TimedEngine
  readonly errors: unknown[] = []
  served!: Served

  private constructor(time: TimedEngine, { room }: ShopOptions) {
    this.time = time
    const id = `http-${++shops}`
    const { engine } = time
    const options = { engine, deadlineMs: DEADLINE_MS }
    if (room !== undefined) {
      const rules = { secret: SECRET, ratePerSecond: 1_000, sale: id }
      this.room = new WaitingRoom(id, { ...options, ...rules, ...room })
    }
    this.sale = new FlashSale(id, { ...options, waitingRoom: this.room })
  }

  /** @param life The shop closes after the test, or when the caller closes it. */
  static async open(
    framework: Framework,
    time: TimedEngine,
    options: ShopOptions = {},
    life: 'of the test' | 'of the file' = 'of the test',
  ): Promise<HttpShop> {
    const shop = new HttpShop(time, options)
    const { sale, room, errors } = shop
    await sale.create({ stock: { phone: 10, 'phone-case': 5 }, limitPerBuyer: 2, ...options.rules })
    await room?.create()
    const onError = (error: unknown) => void errors.push(error)
    shop.served = await framework.serve({ sale, room, onError, ...options.routes })
    if (life === 'of the test') onTestFinished(() => shop.close())
    return shop
  }

  async close(): Promise<void> {
    await this.served.close()
    await this.room?.close()
    await this.sale.close()
  }

  async call(method: string, path: string, asked: Asked = {}): Promise<Told> {
    const { buyer, key, body, text } = asked
    const headers = new Headers(asked.headers)
    if (buyer !== undefined) headers.set('x-buyer', buyer)
    if (key !== undefined && !headers.has('idempotency-key')) headers.set('idempotency-key', key)
    const sent = text ?? (body === undefined ? undefined : JSON.stringify(body))
    if (sent !== undefined && !headers.has('content-type')) headers.set('content-type', 'application/json')
    const duplex = text instanceof ReadableStream ? { duplex: 'half' as const } : undefined
    const init = { method, headers, body: sent ?? null, ...duplex }
    const response = await this.served.fetch(path, init)
    const told = await toldBy(response)
    note(method, path, told)
    return told
  }

  /** Reserves units of `phone`. */
  reserve(buyer: string, key: string, quantity = 1, headers: Record<string, string> = {}): Promise<Told> {
    return this.call('POST', '/reservations', {
      buyer,
      key,
      headers,
      body: { items: [{ sku: 'phone', quantity }] },
    })
  }

  /** Joins, and answers the header that the visitor sends from then on. */
  async join(buyer: string): Promise<{ 'stockhold-ticket': string }> {
    const { headers } = await this.call('POST', '/queue', { buyer })
    return { 'stockhold-ticket': headers.get('stockhold-ticket')! }
  }
}

async function toldBy(response: Response): Promise<Told> {
  const { status, headers } = response
  if (headers.get('content-type')?.startsWith('text/event-stream')) {
    await response.body?.cancel()
    return { status, headers, body: null }
  }
  const text = await response.text()
  return { status, headers, body: text === '' ? null : JSON.parse(text) }
}

/** `route status code` of every answer of this file: a route's table must be the whole truth. */
const seen = new Set<string>()
const router = new Router(() => true)

function note(method: string, path: string, { status, body }: Told): void {
  const name = router.find(path.split('?')[0]!)?.routes.get(method)
  if (name === undefined || body?.code === 'no_such_route') return
  seen.add([name, status, ...(status >= 400 && name !== 'ready' ? [body?.code] : [])].join(' '))
}

/** What {@link note} has seen since it was asked last. */
export function answersSeen(): string[] {
  const all = [...seen].sort()
  seen.clear()
  return all
}

/** Every answer that the table of routes has. */
export function answersOfTable(): string[] {
  const unsafe = (method: string) => (method === 'GET' ? [] : (['foreign_origin'] as const))
  return Object.entries(ROUTES)
    .flatMap(([name, { method, answers, problems }]) => [
      ...Object.keys(answers).map((status) => `${name} ${status}`),
      ...[...problems, ...unsafe(method)].map(
        (code: ProblemCode) => `${name} ${PROBLEMS[code].status} ${code}`,
      ),
    ])
    .sort()
}
