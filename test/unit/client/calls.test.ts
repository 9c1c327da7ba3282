/** Requests that fail, and the key of a reservation until its outcome is known. */
import { describe, expect, test } from 'vitest'
import type { PageRequest, PageResponse } from '../../../src/client/page.js'
import { saleClientOn } from '../../../src/client/sale-client.js'
import { FakeBrowser, json, problem } from '../../support/client/fake-page.js'
import { settled } from '../../support/test-clock.js'

const items = [{ sku: 'phone', quantity: 1 }]
const held = { now: 1, id: 'r-1', state: 'held', items, createdAt: 1, expiresAt: 2, expiresInMs: 1 }
const offline = () => {
  throw new TypeError('Failed to fetch')
}
const html = (status: number) =>
  new Response('<h1>Oops</h1>', { status, headers: { 'content-type': 'text/html' } })
const cut = () => new Response('{"now":1,', { status: 201, headers: { 'content-type': 'application/json' } })

/** A page whose requests are answered in this order, the last one again and again. */
function opened(...answers: (() => PageResponse)[]) {
  const browser = new FakeBrowser()
  const sent: PageRequest[] = []
  const server = (_: string, init: PageRequest) => {
    sent.push(init)
    return (answers.length > 1 ? answers.shift()! : answers[0]!)()
  }
  const retrying: boolean[] = []
  const options = { url: '/shop', onRetrying: (is: boolean) => void retrying.push(is) }
  const open = (lacks = {}) => {
    const page = browser.open(server, lacks)
    return { page, client: saleClientOn(page, options) }
  }
  return { browser, sent, retrying, open, ...open() }
}

const keysOf = (sent: readonly PageRequest[]) => sent.map(({ headers }) => headers['idempotency-key'])

test('a request says what it is, and its answer is the body', async () => {
  const { client, page, sent } = opened(() => json(held, 201))
  expect(await client.reserve({ items })).toEqual(held)
  expect(page.requests[0]).toMatch(/^POST \/shop\/reservations "[\d-]+"$/)
  expect(sent[0]).toMatchObject({ body: JSON.stringify({ items }), credentials: 'include' })
  expect(sent[0]!.headers['content-type']).toBe('application/json')
})

test.each<[string, () => PageResponse]>([
  ['the request or its answer is lost', offline],
  ['the answer is cut off', cut],
  ['a proxy has no server', () => html(502)],
  ['the outcome is unknown', () => problem('UNKNOWN_OUTCOME', 503)],
  ['the body was too slow', () => problem('body_too_slow', 408)],
])('a reservation is sent again with its key when %s', async (_, fault) => {
  const { client, browser, sent, retrying } = opened(fault, fault, () => json(held))
  const call = client.reserve({ items })
  await browser.pass(30_000)
  expect(await call).toEqual(held)
  expect(sent).toHaveLength(3)
  expect(new Set(keysOf(sent)).size).toBe(1)
  expect(retrying).toEqual([true, false])
  expect(browser.leftovers).toBe(0)
})

test.each<[string, () => PageResponse]>([
  ['the problem says when', () => problem('OVERLOADED', 503, { retryAfterMs: 40_000 })],
  ['a proxy says when', () => new Response('', { status: 503, headers: { 'retry-after': '40' } })],
])('is not sent again earlier than %s, nor when the network is back', async (_, fault) => {
  const { client, page, browser, sent } = opened(fault, () => json(held))
  void client.reserve({ items })
  await browser.pass(39_999)
  await page.online()
  expect(sent).toHaveLength(1)
  await browser.pass(1)
  expect(sent).toHaveLength(2)
})

describe('the key', () => {
  test('of a reservation whose outcome is unknown outlives the page, and all tabs have it', async () => {
    const { client, open, browser, sent } = opened(offline)
    const leaving = new AbortController()
    const call = client.reserve({ items, signal: leaving.signal })
    await settled()
    leaving.abort('reload')
    await expect(call).rejects.toBe('reload')
    void open().client.reserve({ items })
    void open().client.reserve({ items })
    await settled()
    expect(new Set(keysOf(sent)).size).toBe(1)
    void client.reserve({ items: [{ sku: 'phone', quantity: 2 }] })
    await settled()
    expect(new Set(keysOf(sent)).size).toBe(2)
    expect(browser.storage.size).toBe(1)
  })

  test.each<[string, () => PageResponse]>([
    ['a reservation', () => json(held, 201)],
    ['a refusal', () => problem('sold_out', 409)],
    ['a key that is spent', () => problem('key_spent', 409)],
  ])('is a new one after %s', async (_, answer) => {
    const { client, sent, browser } = opened(answer)
    await client.reserve({ items })
    await client.reserve({ items })
    expect(new Set(keysOf(sent)).size).toBe(2)
    expect(browser.storage.size).toBe(0)
  })

  test('stays after a fault of the server, which may have happened later', async () => {
    const { client, sent } = opened(() => problem('INTERNAL', 500))
    expect(await client.reserve({ items })).toMatchObject({ code: 'INTERNAL' })
    await client.reserve({ items })
    expect(new Set(keysOf(sent)).size).toBe(1)
  })

  test('is remembered by the page alone where the browser keeps nothing', async () => {
    const { open, sent } = opened(() => problem('INTERNAL', 500))
    const { client } = open({ storage: true })
    await client.reserve({ items })
    await client.reserve({ items })
    expect(new Set(keysOf(sent)).size).toBe(1)
  })

  test('of the page may be any text', async () => {
    const { client, sent } = opened(() => json(held))
    await client.reserve({ items, key: 'a "cart" \\ of Zoë' })
    expect(keysOf(sent)).toEqual(['"a \\"cart\\" \\\\ of Zo%C3%AB"'])
  })
})

test('two presses at once are one reservation', async () => {
  const { client, sent } = opened(() => json(held, 201))
  await Promise.all([client.reserve({ items }), client.reserve({ items })])
  expect(new Set(keysOf(sent)).size).toBe(1)
})

test("the time is the server's, also when the body comes from the cache of the browser", async () => {
  const { client } = opened(() =>
    json({ now: 1, state: 'open', skus: [] }, 200, { 'stockhold-now': '3600001' }),
  )
  expect(await client.sale()).toMatchObject({ now: 3_600_001, state: 'open' })
})

test('a refusal is an answer, and is not sent again', async () => {
  const { client, browser, sent } = opened(() => problem('sold_out', 409, { available: 0 }))
  const refused = await client.reserve({ items })
  expect(refused).toMatchObject({ code: 'sold_out', available: 0 })
  await browser.pass(3_600_000)
  expect(sent).toHaveLength(1)
})

test('an answer that is none of the routes rejects: nothing better would come', async () => {
  const { client, browser } = opened(() => html(404))
  await expect(client.sale()).rejects.toThrow('GET /shop/sale was answered 404')
  expect(browser.leftovers).toBe(0)
})

test('an aborted call rejects with the reason, and leaves nothing behind', async () => {
  const { client, browser } = opened(offline)
  const leaving = new AbortController()
  const call = client.join({ signal: leaving.signal })
  await settled()
  leaving.abort('closed')
  await expect(call).rejects.toBe('closed')
  expect(browser.leftovers).toBe(0)
})

test('each route is asked by its method and path', async () => {
  const { page, browser } = opened(() => json({}))
  const headers = () => ({ authorization: 'Bearer 1' })
  const client = saleClientOn(page, { headers })
  const { storage } = browser
  await client.sale()
  await client.join()
  await client.leave()
  await client.reservations()
  await client.reservations({ limit: 5, cursor: 'r/1' })
  await client.reservation('r-1')
  await client.amend('r-1', { items })
  await client.extend('r-1')
  await client.extend('r-1', { holdMs: 60_000 })
  await client.release('r-1')
  expect(page.requests).toEqual([
    'GET /sale',
    'POST /queue',
    'DELETE /queue',
    'GET /reservations?limit=20',
    'GET /reservations?limit=5&cursor=r%2F1',
    'GET /reservations/r-1',
    'PATCH /reservations/r-1',
    'POST /reservations/r-1/extension',
    'POST /reservations/r-1/extension',
    'DELETE /reservations/r-1',
  ])
  expect(storage.size).toBe(0)
})
