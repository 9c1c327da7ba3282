/** Every status and every code of every route, on every framework: the table of routes is right. */
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { PROBLEMS, type ProblemCode } from '../../../src/http/problems.js'
import { ROUTES } from '../../../src/http/routes.js'
import { StockholdError, type StockholdErrorCode } from '../../../src/index.js'
import { type EngineKind, engineKinds } from '../../support/engines.js'
import { type Framework, frameworks } from '../../support/http/frameworks.js'
import { answersOfTable, answersSeen, HttpShop, type ShopOptions } from '../../support/http/shop.js'

const HOUR = 3_600_000

for (const kind of engineKinds()) {
  describe(`${kind.name} engine`, () => {
    beforeAll(kind.start)
    afterAll(kind.stop)
    for (const framework of frameworks) describe(framework.name, () => suite(framework, kind))
  })
}

function suite(framework: Framework, kind: EngineKind): void {
  const open = async (options?: ShopOptions) => HttpShop.open(framework, await kind.make(), options)

  test('the sale', async () => {
    const shop = await open({ rules: { closesAt: new Date('2040-01-01') } })
    const first = await shop.call('GET', '/sale')
    expect(first).toMatchObject({
      status: 200,
      body: {
        id: shop.sale.id,
        state: 'open',
        opensAt: null,
        closesAt: Date.parse('2040-01-01'),
        holdMs: 600_000,
        skus: [
          { sku: 'phone', available: 10, mayReturn: false, limitPerBuyer: 2 },
          { sku: 'phone-case', available: 5, mayReturn: false, limitPerBuyer: 2 },
        ],
      },
    })
    expect(Math.abs(first.body.now - shop.time.now())).toBeLessThan(60_000)
    const etag = first.headers.get('etag')!
    const again = await shop.call('GET', '/sale', { headers: { 'if-none-match': `"other", ${etag}` } })
    expect(again).toMatchObject({ status: 304, body: null })
    expect(again.headers.get('etag')).toBe(etag)
    expect(Number(again.headers.get('stockhold-now'))).toBeGreaterThan(0)
    expect(again.headers.get('cache-control')).toBe('public, max-age=1')
  })

  test('the queue', async () => {
    const shop = await open({ room: {} })
    expect(await shop.call('POST', '/queue')).toMatchObject({ status: 401, body: { code: 'login_required' } })
    await shop.room!.block('u-2')
    expect(await shop.call('POST', '/queue', { buyer: 'u-2' })).toMatchObject({
      status: 403,
      body: { code: 'blocked' },
    })
    const joined = await shop.call('POST', '/queue', { buyer: 'u-1' })
    expect(joined).toMatchObject({ status: 200, body: { status: 'waiting', position: 1 } })
    expect(joined.body).toHaveProperty('retryAfterMs')
    expect(joined.body).not.toHaveProperty('ticket')
    const ticket = { 'stockhold-ticket': joined.headers.get('stockhold-ticket')! }
    const admitted = await shop.call('GET', '/queue', { headers: ticket })
    expect(admitted).toMatchObject({ status: 200, body: { status: 'admitted' } })
    expect(admitted.body.expiresInMs).toBeGreaterThan(0)
    expect(admitted.body).not.toHaveProperty('pass')
    expect(await shop.call('GET', '/queue/events', { headers: ticket })).toMatchObject({ status: 200 })
    const last = await lastIdOf(shop, ticket)
    const headers = { ...ticket, 'last-event-id': last }
    expect(await shop.call('GET', '/queue/events', { headers })).toMatchObject({ status: 204, body: null })
    const left = await shop.call('DELETE', '/queue', { headers: ticket })
    expect(left).toMatchObject({ status: 200, body: { left: true } })
    expect(left.headers.getSetCookie().map((cookie) => cookie.split(';')[0])).toEqual([
      'stockhold-ticket=',
      'stockhold-pass=',
    ])
    // An answer of known length needs no chunks.
    if (shop.served.url !== '')
      expect(left.headers.get('content-length')).toBe(String(JSON.stringify(left.body).length))
    for (const [method, path] of [
      ['GET', '/queue'],
      ['GET', '/queue/events'],
      ['DELETE', '/queue'],
    ] as const) {
      const refused = { status: 403, body: { code: 'TICKET_INVALID' } }
      expect(await shop.call(method, path)).toMatchObject(refused)
      expect(await shop.call(method, path, { headers: { 'stockhold-ticket': 'forged' } })).toMatchObject(
        refused,
      )
    }
  })

  test('a sale with a limit of households', async () => {
    const shop = await open({ rules: { limitPerHousehold: 1 } })
    const code = async (buyer: string, quantity = 1) => {
      const { status, body } = await shop.reserve(buyer, 'k', quantity)
      return [status, body.code ?? body.state]
    }
    expect(await code('u-1')).toEqual([409, 'household_required'])
    expect(await code('u-1 of oak')).toEqual([201, 'held'])
    expect(await code('u-2 of oak')).toEqual([409, 'limit_exceeded'])
    expect(await code('u-2 of elm')).toEqual([409, 'household_conflict'])
    const other = await open()
    expect(await other.reserve('u-1 of oak', 'k')).toMatchObject({ status: 201 })
  })

  test('a queue whose streams are all taken', async () => {
    const shop = await open({ room: {}, routes: { events: { maxStreams: 0 } } })
    const refused = await shop.call('GET', '/queue/events', { headers: await shop.join('u-1') })
    expect(refused).toMatchObject({ status: 503, body: { code: 'too_many_streams' } })
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(1)
  })

  test('a reservation from its making to its payment', async () => {
    const verify = async (request: Request) => JSON.parse(await request.text()) ?? undefined
    const shop = await open({ routes: { webhook: { verify } } })
    const made = await shop.reserve('u-1', '"k-1"')
    expect(made).toMatchObject({
      status: 201,
      body: { state: 'held', items: [{ sku: 'phone', quantity: 1 }] },
    })
    expect(made.body.expiresInMs).toBeGreaterThan(500_000)
    expect(made.body.expiresInMs).toBeLessThanOrEqual(600_000)
    const path = `/reservations/${made.body.id}`
    expect(made.headers.get('location')).toBe(path)
    // The draft's key in quotes and the key as most clients send it are the same key.
    expect(await shop.reserve('u-1', 'k-1')).toMatchObject({ status: 200, body: { id: made.body.id } })
    expect(await shop.reserve('u-1', 'k-1', 2)).toMatchObject({
      status: 422,
      body: { code: 'IDEMPOTENCY_CONFLICT' },
    })
    expect(await shop.call('GET', path, { buyer: 'u-1' })).toMatchObject({
      status: 200,
      body: { state: 'held' },
    })
    const extended = await shop.call('POST', `${path}/extension`, {
      buyer: 'u-1',
      body: { holdMs: HOUR / 2 },
    })
    expect(extended).toMatchObject({ status: 200, body: { state: 'held' } })
    expect(extended.body.expiresAt).toBeGreaterThan(made.body.expiresAt)
    expect(await shop.call('POST', `${path}/extension`, { buyer: 'u-1', body: {} })).toMatchObject({
      status: 200,
    })

    const cart = { items: [{ sku: 'phone', quantity: 2 }] }
    expect(await shop.call('PATCH', path, { buyer: 'u-1', body: cart })).toMatchObject({
      status: 200,
      body: { id: made.body.id, state: 'held', items: cart.items },
    })
    const listed = await shop.call('GET', '/reservations?limit=1', { buyer: 'u-1' })
    expect(listed).toMatchObject({
      status: 200,
      body: { reservations: [{ id: made.body.id, items: cart.items }], cursor: made.body.id },
    })
    const next = `/reservations?cursor=${listed.body.cursor}`
    expect(await shop.call('GET', next, { buyer: 'u-1' })).toMatchObject({
      status: 200,
      body: { reservations: [], cursor: null },
    })
    expect(await shop.call('GET', '/reservations')).toMatchObject({ status: 401 })
    for (const query of ['limit=0', 'limit=1e9', 'limit=x', 'limit='])
      expect(await shop.call('GET', `/reservations?${query}`, { buyer: 'u-1' })).toMatchObject({
        status: 400,
        body: { code: 'INVALID_ARGUMENT' },
      })

    for (const [method, at] of [
      ['GET', path],
      ['PATCH', path],
      ['DELETE', path],
      ['POST', `${path}/extension`],
    ] as const) {
      const body = method === 'POST' ? { body: {} } : method === 'PATCH' ? { body: cart } : {}
      expect(await shop.call(method, at, body)).toMatchObject({
        status: 401,
        body: { code: 'login_required' },
      })
      const stranger = await shop.call(method, at, { buyer: 'u-2', ...body })
      expect(stranger).toMatchObject({ status: 404, body: { code: 'not_found' } })
      const unknown = at.replace(made.body.id, '~'.repeat(80))
      expect(await shop.call(method, unknown, { buyer: 'u-1', ...body })).toMatchObject({ status: 404 })
    }

    const pay = (body: unknown) => shop.call('POST', '/payments', { body })
    const paid = { reservationId: made.body.id, paymentId: 'p-1' }
    expect(await pay(paid)).toMatchObject({ status: 200, body: { status: 'confirmed' } })
    expect(await pay(paid)).toMatchObject({ status: 200, body: { status: 'confirmed' } })
    expect(await pay(null)).toMatchObject({ status: 204, body: null })
    expect(await pay({ ...paid, reservationId: 'x' })).toMatchObject({
      status: 404,
      body: { code: 'not_found' },
    })
    const bad = await shop.call('POST', '/payments', { text: 'not signed' })
    expect(bad).toMatchObject({ status: 400, body: { code: 'webhook_rejected' } })
    expect(bad.body).not.toHaveProperty('detail')
    for (const [method, at, body] of [
      ['DELETE', path, undefined],
      ['PATCH', path, cart],
      ['POST', `${path}/extension`, {}],
    ] as const) {
      const refused = await shop.call(method, at, { buyer: 'u-1', body })
      expect(refused).toMatchObject({ status: 409, body: { code: 'already_confirmed' } })
    }
  })

  test('holds that end without a payment', async () => {
    const shop = await open({
      routes: { webhook: { verify: async (request) => JSON.parse(await request.text()) } },
    })
    const released = (await shop.reserve('u-1', 'k-1')).body.id
    const gone = (await shop.reserve('u-2', 'k-1')).body.id
    const extend = (id: string, buyer: string) =>
      shop.call('POST', `/reservations/${id}/extension`, { buyer, body: { holdMs: 1_000 } })
    for (const _ of ['once', 'again'])
      expect(await shop.call('DELETE', `/reservations/${released}`, { buyer: 'u-1' })).toMatchObject({
        status: 200,
        body: { state: 'released', expiresInMs: 0 },
      })
    const amend = (id: string, buyer: string) => {
      const body = { items: [{ sku: 'phone', quantity: 2 }] }
      return shop.call('PATCH', `/reservations/${id}`, { buyer, body })
    }
    for (const change of [extend, amend])
      expect(await change(released, 'u-1')).toMatchObject({ status: 409, body: { code: 'already_released' } })
    expect(await shop.reserve('u-1', 'k-1')).toMatchObject({
      status: 409,
      body: { code: 'key_spent', reservation: { state: 'released' } },
    })
    const late = { reservationId: released, paymentId: 'p-1' }
    expect(await shop.call('POST', '/payments', { body: late })).toMatchObject({
      status: 200,
      body: { status: 'refund_due' },
    })
    await shop.time.advance(HOUR)
    for (const change of [extend, amend])
      expect(await change(gone, 'u-2')).toMatchObject({ status: 409, body: { code: 'expired' } })
    expect(await shop.call('DELETE', `/reservations/${gone}`, { buyer: 'u-2' })).toMatchObject({
      status: 409,
      body: { code: 'expired', reservation: { state: 'expired' } },
    })
  })

  test('carts that are refused', async () => {
    const opensAt = new Date('2040-01-01')
    const early = await (await open({ rules: { opensAt } })).reserve('u-1', 'k-1')
    expect(early).toMatchObject({ status: 409, body: { code: 'not_started', opensAt: +opensAt } })
    expect(early.body.now + early.body.retryAfterMs).toBe(+opensAt)
    expect(Number(early.headers.get('retry-after'))).toBe(Math.ceil(early.body.retryAfterMs / 1_000))

    const shop = await open({ rules: { stock: { phone: 1 } } })
    expect(await shop.reserve('u-1', 'k-1', 3)).toMatchObject({
      status: 409,
      body: { code: 'limit_exceeded', limit: 2 },
    })
    expect(await shop.reserve('u-1', 'k-1', 2)).toMatchObject({
      status: 409,
      body: { code: 'sold_out', sku: 'phone', available: 1, mayReturn: false },
    })
    const unknown = { items: [{ sku: 'tablet', quantity: 1 }] }
    const held = (await shop.reserve('u-1', 'k-0')).body.id
    const amend = (quantity: number, sku = 'phone') =>
      shop.call('PATCH', `/reservations/${held}`, { buyer: 'u-1', body: { items: [{ sku, quantity }] } })
    expect(await amend(3)).toMatchObject({ status: 409, body: { code: 'limit_exceeded', limit: 2 } })
    expect(await amend(2)).toMatchObject({ status: 409, body: { code: 'sold_out', available: 0 } })
    expect(await amend(1, 'tablet')).toMatchObject({ status: 400, body: { code: 'INVALID_ARGUMENT' } })
    for (const [asked, status, code] of [
      [{ key: 'k-1', body: unknown }, 401, 'login_required'],
      [{ buyer: 'u-1', body: unknown }, 400, 'key_required'],
      [{ buyer: 'u-1', key: '"k', body: unknown }, 400, 'malformed'],
      [{ buyer: 'u-1', key: 'k-1', body: unknown }, 400, 'INVALID_ARGUMENT'],
    ] as const)
      expect(await shop.call('POST', '/reservations', asked)).toMatchObject({ status, body: { code } })
    await shop.sale.update({ opensAt })
    expect(await amend(2)).toMatchObject({ status: 409, body: { code: 'not_started', opensAt: +opensAt } })
    await shop.sale.update({ opensAt: null })
    await shop.sale.pause()
    const reserve = () => shop.reserve('u-1', 'k-1')
    for (const ask of [reserve, () => amend(2)])
      expect(await ask()).toMatchObject({ status: 409, body: { code: 'paused' } })
    await shop.sale.end()
    for (const ask of [reserve, () => amend(2)])
      expect(await ask()).toMatchObject({ status: 409, body: { code: 'ended' } })

    const closed = await open({ room: {} })
    for (const headers of [{}, { 'stockhold-pass': 'forged' }])
      expect(await closed.reserve('u-1', 'k-1', 1, headers)).toMatchObject({
        status: 403,
        body: { code: 'pass_rejected', reason: 'stockhold-pass' in headers ? 'invalid' : 'missing' },
      })
    const polled = await closed.call('GET', '/queue', { headers: await closed.join('u-1') })
    const pass = { 'stockhold-pass': polled.headers.get('stockhold-pass')! }
    const { id } = (await closed.reserve('u-1', 'k-1', 1, pass)).body
    const more = { items: [{ sku: 'phone', quantity: 2 }] }
    expect(await closed.call('PATCH', `/reservations/${id}`, { buyer: 'u-1', body: more })).toMatchObject({
      status: 403,
      body: { code: 'pass_rejected', reason: 'missing' },
    })
  })

  test('bodies that are refused', async () => {
    const shop = await open({ routes: { webhook: { verify: () => undefined } } })
    const id = (await shop.reserve('u-1', 'k-1')).body.id
    for (const path of [
      '/reservations',
      `/reservations/${id}`,
      `/reservations/${id}/extension`,
      '/payments',
    ]) {
      const send = (text: string | ReadableStream<Uint8Array>, headers = {}) =>
        shop.call(path.endsWith(id) ? 'PATCH' : 'POST', path, { buyer: 'u-1', key: 'k-2', text, headers })
      const large = await send('x'.repeat(1_100_000))
      expect(large).toMatchObject({ status: 413, body: { code: 'body_too_large' } })
      if (path === '/payments') continue
      const type = { 'content-type': 'text/plain' }
      expect(await send('{}', type)).toMatchObject({ status: 415, body: { code: 'media_type' } })
      expect(await send('{')).toMatchObject({ status: 400, body: { code: 'malformed' } })
      expect(await send('{"more": 1}')).toMatchObject({ status: 400, body: { code: 'INVALID_ARGUMENT' } })
    }
  })

  test('health and readiness', async () => {
    const shop = await open()
    const ready = () => shop.call('GET', '/readyz')
    expect(await shop.call('GET', '/healthz')).toMatchObject({ status: 200, body: { status: 'ok' } })
    // Of an engine that answers after half a second it says that it cannot sell.
    await expect.poll(ready).toMatchObject({ status: 200, body: { canSell: true, why: null } })
    await shop.served.drain()
    expect(await ready()).toMatchObject({ status: 503, body: { canSell: false, why: 'closing' } })
  })

  test('every fault of every route', async () => {
    const shop = await open({
      room: {},
      routes: { webhook: { verify: () => ({ reservationId: 'r', paymentId: 'p' }) } },
    })
    const { sale, room } = shop
    const headers = await shop.join('u-1')
    const faults = Object.keys(PROBLEMS).filter((code) => /^[A-Z]/.test(code)) as StockholdErrorCode[]
    const buyer = 'u-1'
    for (const code of faults) {
      if (!(ROUTES.join.problems as readonly ProblemCode[]).includes(code as ProblemCode)) continue
      const error = new StockholdError(code, 'a secret of the shop: redis://:password@10.0.0.1')
      const spies = [
        ...(
          ['stats', 'reserve', 'reservationsOf', 'amend', 'release', 'extend', 'get', 'confirm'] as const
        ).map((name) => vi.spyOn(sale, name)),
        ...(['join', 'poll', 'leave'] as const).map((name) => vi.spyOn(room!, name)),
      ]
      for (const spy of spies) spy.mockRejectedValue(error as never)
      vi.spyOn(room!, 'updates').mockImplementation(() => {
        throw error
      })
      onTestFinished(() => void vi.restoreAllMocks())
      const body = { items: [{ sku: 'phone', quantity: 1 }] }
      for (const told of [
        await shop.call('GET', '/sale'),
        await shop.call('POST', '/queue', { buyer }),
        await shop.call('GET', '/queue', { headers }),
        await shop.call('GET', '/queue/events', { headers }),
        await shop.call('DELETE', '/queue', { headers }),
        await shop.call('POST', '/reservations', { buyer, key: 'k', body }),
        await shop.call('GET', '/reservations', { buyer }),
        await shop.call('GET', '/reservations/r', { buyer }),
        await shop.call('PATCH', '/reservations/r', { buyer, body }),
        await shop.call('DELETE', '/reservations/r', { buyer }),
        await shop.call('POST', '/reservations/r/extension', { buyer, body: {} }),
        await shop.call('POST', '/payments', { body: {} }),
      ]) {
        expect(told).toMatchObject({ status: PROBLEMS[code as ProblemCode].status, body: { code } })
        expect(told.headers.get('content-type')).toBe('application/problem+json; charset=utf-8')
        expect(JSON.stringify(told.body)).not.toMatch(/secret|password|10\.0/)
        expect(told.headers.has('retry-after')).toBe(told.status === 503)
      }
      expect(shop.errors.at(-1)).toBe(error)
    }
  })

  test('pages of other origins', async () => {
    const shop = await open({ room: {}, routes: { webhook: { verify: () => undefined } } })
    const unsafe = Object.values(ROUTES).filter(({ method }) => method !== 'GET')
    for (const { method, path } of unsafe)
      for (const headers of [{ origin: 'https://evil.example' }, { 'sec-fetch-site': 'cross-site' }])
        expect(
          await shop.call(method, path.replace(':id', 'r'), { headers: headers as never }),
        ).toMatchObject({
          status: 403,
          body: { code: 'foreign_origin' },
        })
  })

  test('paths and methods that there are not', async () => {
    const shop = await open()
    for (const path of ['/', '/queue', '/payments', '/sale/', '/reservations/', '/reservations/r/other'])
      expect(await shop.call('GET', path)).toMatchObject({ status: 404, body: { code: 'no_such_route' } })
    const refused = await shop.call('PUT', '/sale')
    expect(refused).toMatchObject({ status: 405, body: { code: 'method_not_allowed' } })
    expect(refused.headers.get('allow')).toBe('GET, HEAD, OPTIONS')
    expect(await shop.call('OPTIONS', '/sale')).toMatchObject({ status: 204 })
    const head = await shop.call('HEAD', '/sale')
    expect(head).toMatchObject({ status: 200, body: null })
    expect(head.headers.get('etag')).toMatch(/^W\/"/)
  })

  // Bodies that do not end: see hostile.test.ts.
  const elsewhere = (answer: string) => /408 body_too_slow|pay 400 malformed/.test(answer)
  afterAll(() => {
    const missing = answersOfTable().filter((answer) => !elsewhere(answer))
    const seen = answersSeen()
    expect(missing.filter((answer) => !seen.includes(answer))).toEqual([])
    expect(seen.filter((answer) => !answersOfTable().includes(answer))).toEqual([])
  })
}

/** The id of the last event that a stream sends. */
async function lastIdOf(shop: HttpShop, headers: Record<string, string>): Promise<string> {
  const response = await shop.served.fetch('/queue/events', { headers })
  const text = await response.text()
  return /id: (end-.*)\n/.exec(text)![1]!
}
