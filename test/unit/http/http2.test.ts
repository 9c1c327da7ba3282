import { type ClientHttp2Session, type ClientHttp2Stream, connect, createServer } from 'node:http2'
import type { AddressInfo } from 'node:net'
import fastify from 'fastify'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { saleRoutes as expressRoutes } from '../../../src/express.js'
import { saleRoutes as fastifyRoutes } from '../../../src/fastify.js'
import { FlashSale, memoryEngine } from '../../../src/index.js'

async function launch(): Promise<FlashSale> {
  const engine = memoryEngine()
  const sale = new FlashSale('launch', { engine, deadlineMs: 60_000 })
  onTestFinished(async () => {
    await sale.close()
    await engine.close()
  })
  await sale.create({ stock: { phone: 5 } })
  return sale
}

/** Each serves the routes over HTTP/2 without TLS, and returns the port. */
const servers = {
  async Express() {
    const routes = expressRoutes({ sale: await launch(), identify: () => 'ann' })
    const server = createServer((request, response) => routes(request as never, response as never, () => {}))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => new Promise((resolve) => server.close(() => resolve())))
    return (server.address() as AddressInfo).port
  },
  async Fastify() {
    const app = fastify({ http2: true })
    app.register(fastifyRoutes({ sale: await launch(), identify: () => 'ann' }) as never)
    await app.listen({ host: '127.0.0.1', port: 0 })
    onTestFinished(() => app.close().then(() => {}))
    return (app.server.address() as AddressInfo).port
  },
}

/** A reservation whose body has begun, and does not end. */
function begin(client: ClientHttp2Session, body: string) {
  const headers = { ':method': 'POST', ':path': '/reservations', 'content-type': 'application/json' }
  const stream = client.request({ ...headers, 'idempotency-key': 'k' })
  stream.write(body)
  return { stream, told: answerOf(stream) }
}

/** Status and code, once the whole answer has come. The stream may have ended by then. */
function answerOf(stream: ClientHttp2Stream): Promise<unknown> {
  let status: unknown
  let text = ''
  stream.once('response', (headers) => {
    status = headers[':status']
  })
  stream.setEncoding('utf8').on('data', (chunk) => {
    text += chunk
  })
  return new Promise((resolve) => stream.once('end', () => resolve([status, JSON.parse(text).code])))
}

describe.each(Object.entries(servers))('%s over HTTP/2', (_name, serve) => {
  async function connected() {
    const client = connect(`http://127.0.0.1:${await serve()}`)
    onTestFinished(() => client.destroy())
    return client
  }

  test('a body that is too large, and goes on, is answered, and its stream ends', async () => {
    const client = await connected()
    const { stream, told } = begin(client, 'x'.repeat(100_000))
    expect(await told).toEqual([413, 'body_too_large'])
    await expect.poll(() => stream.closed).toBe(true)
    expect(stream.rstCode).toBe(0)
    const { stream: other, told: toldNext } = begin(client, '{"items":[{"sku":"phone","quantity":1}]}')
    other.end()
    expect(await toldNext).toEqual([201, undefined])
  })

  test('a body that is too slow is answered, and its stream ends', async () => {
    const client = await connected()
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const { stream, told } = begin(client, '{')
    let isTold = false
    void told.then(() => {
      isTold = true
    })
    while (!isTold) {
      vi.advanceTimersByTime(10_000)
      await new Promise((resolve) => setImmediate(resolve))
    }
    vi.useRealTimers()
    expect(await told).toEqual([408, 'body_too_slow'])
    await expect.poll(() => stream.closed).toBe(true)
    expect(stream.rstCode).toBe(0)
  })
})
