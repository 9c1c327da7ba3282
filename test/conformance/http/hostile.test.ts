/** What is sent by mistake or by malice gets a 4xx, and the process lives. */
import { connect, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { stripeWebhook } from '../../../src/http.js'
import { type EngineKind, memoryKind, startedKinds } from '../../support/engines.js'
import { type Framework, frameworks, standards } from '../../support/http/frameworks.js'
import { HttpShop, type ShopOptions } from '../../support/http/shop.js'

const onSockets = frameworks.filter((one) => one !== standards)

const CART = '{"items":[{"sku":"phone","quantity":1}]}'

/** Bodies of `POST /reservations` that are none. */
const BODIES: readonly string[] = [
  '',
  ' ',
  '{',
  '}',
  '[]',
  'null',
  'true',
  '1',
  '"cart"',
  '{}',
  '{"items":null}',
  '{"items":{}}',
  '{"items":[]}',
  '{"items":[null]}',
  '{"items":[1]}',
  '{"items":[[]]}',
  '{"items":[{}]}',
  '{"items":[{"sku":"phone"}]}',
  '{"items":[{"quantity":1}]}',
  '{"items":[{"sku":"","quantity":1}]}',
  '{"items":[{"sku":1,"quantity":1}]}',
  '{"items":[{"sku":"phone","quantity":0}]}',
  '{"items":[{"sku":"phone","quantity":-1}]}',
  '{"items":[{"sku":"phone","quantity":1.5}]}',
  '{"items":[{"sku":"phone","quantity":"1"}]}',
  '{"items":[{"sku":"phone","quantity":1e400}]}',
  '{"items":[{"sku":"phone","quantity":1,"price":0}]}',
  '{"items":[{"sku":"__proto__","quantity":1}]}',
  '{"items":[{"sku":"\\ud800","quantity":1}]}',
  '{"__proto__":{"items":[]}}',
  `{"items":[{"sku":"phone","quantity":1}],"holdMs":99999999}`,
  `{"items":[{"sku":"phone","quantity":1}],"buyer":"u-2"}`,
  `{"items":[${'{"sku":"phone","quantity":1},'.repeat(3)}]}`,
  `${'['.repeat(20_000)}`,
  `{"items":[{"sku":"${'x'.repeat(300)}","quantity":1}]}`,
  `{"items":${JSON.stringify(Array.from({ length: 1_500 }, (_, i) => ({ sku: `s${i}`, quantity: 1 })))}}`,
]

/** Headers that make the same request wrong. */
const HEADERS: readonly Record<string, string>[] = [
  { 'content-type': 'text/html' },
  { 'content-type': 'application/x-www-form-urlencoded' },
  { 'content-type': 'application/json5' },
  { 'content-type': 'json' },
  { 'content-type': ';' },
  { 'idempotency-key': '"' },
  { 'idempotency-key': '""' },
  { 'idempotency-key': '"k" "k"' },
  { 'idempotency-key': `"${'k'.repeat(300)}"` },
  { 'idempotency-key': 'k'.repeat(300) },
  { origin: 'null' },
  { origin: 'not an origin' },
]

const kinds = startedKinds()
for (const kind of kinds) {
  describe.each(frameworks)(`$name on the ${kind.name} engine`, (framework) => suite(framework, kind))
  describe.each(onSockets)(`a socket to $name on the ${kind.name} engine`, (framework) =>
    sockets(framework, kind),
  )
}

function suite(framework: Framework, kind: EngineKind): void {
  const open = async (options?: ShopOptions) => HttpShop.open(framework, await kind.make(), options)

  test(`${BODIES.length + HEADERS.length} malformed bodies and headers get problem details`, async () => {
    const shop = await open()
    const asked = [
      ...BODIES.map((text) => ({ text })),
      ...HEADERS.map((headers) => ({ text: CART, headers })),
    ]
    for (const one of asked) {
      const told = await shop.call('POST', '/reservations', { buyer: 'u-1', key: 'k-1', ...one })
      expect([one, told.status]).toEqual([one, expect.toSatisfy((status) => status >= 400 && status < 500)])
      expect(told.headers.get('content-type')).toBe('application/problem+json; charset=utf-8')
      expect(told.body).toMatchObject({
        type: `urn:problem-type:stockhold:${told.body.code}`,
        status: told.status,
      })
    }
    expect((await shop.sale.stats()).skus.phone).toMatchObject({ held: 0 })
    expect(shop.errors).toEqual([])
    expect(await shop.reserve('u-1', 'k-1')).toMatchObject({ status: 201 })
  })

  test('1,000 forged tickets and passes', async () => {
    const shop = await open({ room: {} })
    const real = (await shop.join('u-1'))['stockhold-ticket']
    const forge = (index: number) => {
      const at = (index * 7) % real.length
      return index % 3 === 0
        ? `${index}`
        : real.slice(0, at) + (real[at] === 'A' ? 'B' : 'A') + real.slice(at + 1)
    }
    const tell = async (index: number) => {
      const headers = (token: string): Record<string, string> =>
        index % 2 === 0
          ? { cookie: `a=b; stockhold-${token}=${forge(index)}` }
          : { [`stockhold-${token}`]: forge(index) }
      if (index % 5 === 0) return shop.reserve('u-1', 'k-1', 1, headers('pass'))
      return shop.call('GET', index % 5 === 1 ? '/queue/events' : '/queue', { headers: headers('ticket') })
    }
    for (let index = 0; index < 1_000; index += 50) {
      const told = await Promise.all(Array.from({ length: 50 }, (_, i) => tell(index + i)))
      expect(told.filter(({ status }) => status !== 403)).toEqual([])
    }
    expect(shop.errors).toEqual([])
  })

  test('1,000 rejected webhooks and key conflicts do not fill the log of the shop', async () => {
    const shop = await open({
      routes: { webhook: stripeWebhook({ secret: 'whsec_own', read: () => undefined }) },
    })
    await shop.reserve('u-1', 'k-1')
    const begun = performance.now()
    for (let index = 0; index < 1_000; index += 50) {
      const told = await Promise.all(
        Array.from({ length: 50 }, (_, i) =>
          i % 2 === 0
            ? shop.reserve('u-1', 'k-1', 2)
            : shop.call('POST', '/payments', {
                text: `{"forged":"${'x'.repeat(i * 1_000)}\n"}`,
                headers: i % 4 === 1 ? {} : { 'stripe-signature': `t=${index},v1=${'0'.repeat(64)}` },
              }),
        ),
      )
      expect(new Set(told.map(({ status, body }) => `${status} ${body.code}`))).toEqual(
        new Set(['422 IDEMPOTENCY_CONFLICT', '400 webhook_rejected']),
      )
    }
    expect(new Set(shop.errors.map(String))).toEqual(
      new Set([
        'WebhookRejected: A webhook was rejected: Error: The header Stripe-Signature is missing: ' +
          'the sender is not Stripe, or a proxy has removed the header.',
      ]),
    )
    // One a minute.
    expect(shop.errors.length).toBeLessThanOrEqual(1 + (performance.now() - begun) / 60_000)
  })

  test('an `identify` that returns no buyer is a fault of the shop, and is told to the shop only', async () => {
    const shop = await open()
    const sale = shop.sale
    for (const buyer of ['x'.repeat(300)])
      expect(await shop.reserve(buyer, 'k-1')).toMatchObject({ status: 500, body: { code: 'INTERNAL' } })
    expect(String(shop.errors[0])).toContain('identify must return a buyer')
    expect((await sale.stats()).skus.phone).toMatchObject({ held: 0 })
  })
}

test('a body that breaks off is malformed', async () => {
  const shop = await HttpShop.open(standards, await memoryKind().make(), {
    routes: { webhook: { verify: () => undefined } },
  })
  for (const path of ['/reservations', '/payments']) {
    const text = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(new TextEncoder().encode('{')),
      pull: (controller) => controller.error(new Error('gone')),
    })
    expect(await shop.call('POST', path, { buyer: 'u-1', key: 'k-1', text })).toMatchObject({
      status: 400,
      body: { code: 'malformed' },
    })
  }
})

test.each([
  ['throws', () => fail('the log is full')],
  ['rejects', () => Promise.reject(new Error('the log is full'))],
])('an `onError` that %s takes no answer away', async (_how, onError) => {
  const verify = () => fail('a wrong signature')
  const shop = await HttpShop.open(standards, await memoryKind().make(), {
    routes: { webhook: { verify }, onError },
  })
  expect(await shop.call('POST', '/payments', { text: '{}' })).toMatchObject({
    status: 400,
    body: { code: 'webhook_rejected' },
  })
})

function fail(why: string): never {
  throw new Error(why)
}

/** Stops `setTimeout`. What is returned waits for a wait for a body, and lets its time pass. */
function stoppedTime(): () => Promise<void> {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const stopped = globalThis.setTimeout
  onTestFinished(() => {
    globalThis.setTimeout = stopped
    vi.useRealTimers()
  })
  // No spy: Vitest restores all of them once more after the file, and would put back the fake.
  const times: unknown[] = []
  const noting = (...given: Parameters<typeof setTimeout>) => {
    times.push(given[1])
    return stopped(...given)
  }
  globalThis.setTimeout = noting as typeof setTimeout
  return async () => {
    // The engine has timers of its own.
    await expect.poll(() => times).toContain(10_000)
    times.length = 0
    await vi.advanceTimersByTimeAsync(10_000)
  }
}

describe('a body without an announced length', () => {
  const chunks = (count: number, size: number) => {
    let sent = 0
    const text = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        if (sent++ === count) controller.close()
        else controller.enqueue(new Uint8Array(size).fill(32))
      },
    })
    return { text, sent: () => sent }
  }

  test('is read up to the bound and no further', async () => {
    const shop = await HttpShop.open(standards, await memoryKind().make())
    const endless = chunks(1_000_000, 1_024)
    const told = await shop.call('POST', '/reservations', { buyer: 'u-1', key: 'k-1', text: endless.text })
    expect(told).toMatchObject({ status: 413, body: { code: 'body_too_large', maxBytes: 65_536 } })
    expect(endless.sent()).toBeLessThan(100)
  })

  test('that never comes is given up after ten seconds', async () => {
    const passTime = stoppedTime()
    const shop = await HttpShop.open(standards, await memoryKind().make(), {
      routes: { webhook: { verify: () => undefined } },
    })
    for (const path of ['/reservations', '/payments']) {
      const text = new ReadableStream<Uint8Array>()
      const told = shop.call('POST', path, { buyer: 'u-1', key: 'k-1', text })
      await passTime()
      expect(await told).toMatchObject({ status: 408, body: { code: 'body_too_slow' } })
    }
  })
})

function sockets(framework: Framework, kind: EngineKind): void {
  let port: number
  let shop: HttpShop
  const addresses: string[] = []
  beforeAll(async () => {
    const verify = ({ url }: Request) => void addresses.push(url)
    const routes = { webhook: { verify } }
    shop = await HttpShop.open(framework, await kind.make(), { room: {}, routes }, 'of the file')
    port = Number(new URL(shop.served.url).port)
    return () => shop.close()
  })

  function opened(): { readonly socket: Socket; readonly closed: Promise<void>; text(): string } {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {})
    let text = ''
    socket.on('data', (data) => {
      text += data
    })
    const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()))
    onTestFinished(() => void socket.destroy())
    return { socket, closed, text: () => text }
  }

  /** Sends bytes, and answers the first line of what comes back; '' if nothing does. */
  async function send(...parts: readonly string[]): Promise<string> {
    const { socket, closed, text } = opened()
    for (const part of parts) socket.write(part)
    await Promise.race([closed, vi.waitFor(() => expect(text()).toContain('\r\n\r\n'), { timeout: 60_000 })])
    socket.destroy()
    return text().split('\r\n')[0]!
  }

  const posted = (path: string, length: string) =>
    `POST ${path} HTTP/1.1\r\nhost: shop\r\nx-buyer: u-1\r\nidempotency-key: k\r\ncontent-type: application/json\r\n${length}\r\n\r\n`

  test.each(['/reservations', '/payments'])('whose body comes too slowly, to %s', async (path) => {
    const passTime = stoppedTime()
    const { socket, closed, text } = opened()
    socket.write(`${posted(path, 'content-length: 30')}{`)
    await passTime()
    // The server ends the connection: the rest of the body would be taken for a request.
    await closed
    expect(text()).toContain(' 408 ')
    expect(text()).toContain('"code":"body_too_slow"')
  })

  test('whose body has no end', async () => {
    const { socket, closed, text } = opened()
    socket.write(posted('/reservations', 'transfer-encoding: chunked'))
    const chunk = `400\r\n${' '.repeat(1_024)}\r\n`
    socket.write(chunk.repeat(65))
    await expect.poll(text).toContain('"code":"body_too_large"')
    expect(text()).toContain(' 413 ')
    // A write that fails would discard an answer that is not read yet: the rest comes after it.
    const timer = setInterval(() => socket.write(chunk), 1)
    onTestFinished(() => clearInterval(timer))
    await closed
  })

  test('with headers that are too large or malformed', async () => {
    const start = 'GET /sale HTTP/1.1\r\nhost: shop\r\n'
    expect(await send(`${start}cookie: ${'x'.repeat(40_000)}\r\n\r\n`)).toContain(' 431 ')
    expect(await send(`${start}no colon\r\n\r\n`)).toContain(' 400 ')
    expect(await send('GET /sale HTTP/1.1\r\n\r\n')).toContain(' 400 ')
    expect(await send('NONSENSE\r\n\r\n')).toContain(' 400 ')
    const query = '?stockhold-ticket=in-a-url&x=%00%ff'
    expect(await send(`GET /queue${query} HTTP/1.1\r\nhost: shop\r\n\r\n`)).toContain(' 403 ')
    expect(await send('GET /queue HTTP/1.1\r\nhost: sh op/?#\r\n\r\n')).toMatch(/ 40[03] /)
    expect(await send('GET /sale%zz HTTP/1.1\r\nhost: shop\r\n\r\n')).toMatch(/ 40[04] /)
  })

  test.each([
    ...['a:b@shop', 'shop/x?', 'shop/x#', 'shop\\x', 'shop?', '[', ':', 'shop:99999', ''].map((host) => ({
      host,
      start: `HTTP/1.1\r\nhost: ${host}`,
    })),
    { host: 'none at all', start: 'HTTP/1.0' },
  ])('whose host is not one ($host): a webhook is asked about its own path only', async ({ start }) => {
    addresses.length = 0
    const end = 'content-type: application/json\r\ncontent-length: 2\r\n\r\n{}'
    const line = await send(`POST /payments?from=psp ${start}\r\n${end}`)
    // Hono refuses it before the routes are asked.
    const served = framework.name === 'Hono' && line.includes(' 400 ') ? [] : ['/payments?from=psp']
    expect(addresses.map((url) => url.replace(/^http:\/\/(localhost|shop)(?=\/)/, ''))).toEqual(served)
    expect(shop.errors).toEqual([])
  })

  test('that announces more than is allowed, or less than it sends', async () => {
    const start = `POST /reservations HTTP/1.1\r\nhost: shop\r\nx-buyer: u-1\r\nidempotency-key: k\r\ncontent-type: application/json\r\n`
    expect(await send(`${start}content-length: 99999999\r\n\r\n`, '{')).toContain(' 413 ')
    expect(await send(`${start}content-length: -1\r\n\r\n`, '{')).toContain(' 400 ')
    expect(await send(`${start}content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n`, '{')).toContain(
      ' 400 ',
    )
    expect(await send(`${start}transfer-encoding: chunked\r\n\r\n`, 'xyz\r\n')).toContain(' 400 ')
  })

  test('that closes at any moment', async () => {
    const request = (body: string) =>
      `POST /reservations HTTP/1.1\r\nhost: shop\r\nx-buyer: u-1\r\nidempotency-key: k\r\ncontent-type: application/json\r\ncontent-length: ${CART.length}\r\n\r\n${body}`
    const open: Socket[] = []
    for (let cut = 1; cut < request(CART).length; cut += 9) {
      const socket = connect(port, '127.0.0.1')
      socket.on('error', () => {})
      socket.write(request(CART).slice(0, cut), () => socket.destroy())
      open.push(socket)
    }
    await Promise.all(open.map((socket) => new Promise((resolve) => socket.on('close', resolve))))
    await pause(50)
    expect(await shop.call('GET', '/healthz')).toMatchObject({ status: 200 })
    expect(shop.errors).toEqual([])
  })
}
