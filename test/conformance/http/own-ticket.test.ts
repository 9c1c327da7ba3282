/** A ticket and a pass serve their own buyer only. */
import { describe, expect, test, vi } from 'vitest'
import { type EngineKind, startedKinds } from '../../support/engines.js'
import { type Framework, frameworks, unreadable } from '../../support/http/frameworks.js'
import { HttpShop, type ShopOptions, type Told } from '../../support/http/shop.js'

for (const kind of startedKinds())
  describe.each(frameworks)(`$name on the ${kind.name} engine`, (framework) => suite(framework, kind))

function suite(framework: Framework, kind: EngineKind): void {
  const open = async (routes: ShopOptions['routes'] = {}, room: ShopOptions['room'] = {}) =>
    HttpShop.open(framework, await kind.make(), { room, routes })
  const refused = { status: 403, body: { code: 'TICKET_INVALID' } }

  test('rejects the ticket of another buyer, and the ticket goes on to serve its own', async () => {
    const shop = await open()
    const headers = await shop.join('ann')
    for (const [method, path] of [
      ['GET', '/queue'],
      ['GET', '/queue/events'],
      ['DELETE', '/queue'],
    ] as const) {
      const told = await shop.call(method, path, { buyer: 'bob', headers })
      expect([method, path, told]).toMatchObject([method, path, refused])
      expect(told.headers.get('set-cookie')).toBeNull()
      expect(told.headers.has('stockhold-pass')).toBe(false)
    }
    const own = await shop.call('GET', '/queue', { buyer: 'ann', headers })
    expect(own).toMatchObject({ status: 200, body: { status: 'admitted' } })
    expect(await shop.call('GET', '/queue/events', { buyer: 'ann', headers })).toMatchObject({ status: 200 })
    expect(await shop.call('DELETE', '/queue', { buyer: 'ann', headers })).toMatchObject({
      status: 200,
      body: { left: true },
    })
    expect(shop.errors).toEqual([])
  })

  test('a guest who logs in while a tab polls keeps the ticket until the shop has transferred it', async () => {
    const shop = await open()
    const headers = await shop.join('guest')
    const early = await shop.call('GET', '/queue', { buyer: 'ann', headers })
    expect(early).toMatchObject(refused)
    expect(early.headers.get('set-cookie')).toBeNull()
    const given = await shop.room!.transfer(headers['stockhold-ticket'], { to: 'ann' })
    if (given.status !== 'transferred') expect.fail(given.status)
    const told = await shop.call('GET', '/queue', {
      buyer: 'ann',
      headers: { 'stockhold-ticket': given.ticket },
    })
    expect(told).toMatchObject({ status: 200, body: { status: 'admitted' } })
    const old = await shop.call('GET', '/queue', { buyer: 'guest', headers })
    expect(old).toMatchObject(refused)
    expect(old.headers.get('set-cookie')).toMatch(/^stockhold-ticket=; Max-Age=0/)
  })

  test.each(['joined', 'polled'])('a guest keeps the place, though the account has %s', async (before) => {
    const shop = await open({}, { ratePerSecond: 0.001 })
    await shop.join('first')
    const guest = await shop.join('guest')
    const bob = await shop.join('bob')
    const placeOf = async (buyer: string, headers: Record<string, string>) =>
      (await shop.call('GET', '/queue', { buyer, headers })).body.position
    const [first, last] = [await placeOf('guest', guest), await placeOf('bob', bob)]
    expect(first).toBeLessThan(last)
    if (before === 'joined') await shop.join('ann')
    else
      expect(await shop.call('GET', '/queue', { buyer: 'ann once guest', headers: guest })).toMatchObject(
        refused,
      )
    // The answer may be lost, and the other tabs of the browser join with the old ticket, too.
    const told = await Promise.all(
      [1, 2, 3].map(() => shop.call('POST', '/queue', { buyer: 'ann once guest', headers: guest })),
    )
    const tickets = new Set(told.map(({ headers }) => headers.get('stockhold-ticket')))
    expect(told.map(({ status, body }) => [status, body.position])).toEqual(told.map(() => [200, first]))
    expect(tickets.size).toBe(1)
    const own = { 'stockhold-ticket': [...tickets][0]! }
    expect(await placeOf('ann once guest', own)).toBe(first)
    expect(await placeOf('bob', bob)).toBe(last)
    expect(await shop.call('GET', '/queue', { buyer: 'guest', headers: guest })).toMatchObject(refused)
    const again = await shop.call('POST', '/queue', { buyer: 'ann once guest', headers: own })
    expect(again).toMatchObject({ status: 200, body: { position: first } })
    expect(shop.errors).toEqual([])
  })

  test('a guest who logs in keeps the pass', async () => {
    const shop = await open()
    const guest = await shop.join('guest')
    expect(await shop.call('GET', '/queue', { buyer: 'guest', headers: guest })).toMatchObject({
      body: { status: 'admitted' },
    })
    const joined = await shop.call('POST', '/queue', { buyer: 'ann once guest', headers: guest })
    const own = { 'stockhold-ticket': joined.headers.get('stockhold-ticket')! }
    const told = await shop.call('GET', '/queue', { buyer: 'ann once guest', headers: own })
    expect(told).toMatchObject({ status: 200, body: { status: 'admitted' } })
    const pass = { 'stockhold-pass': told.headers.get('stockhold-pass')! }
    expect(await shop.reserve('ann once guest', 'k', 1, pass)).toMatchObject({ status: 201 })
    expect(await shop.room!.stats()).toMatchObject({ admitted: 1 })
  })

  test('no other ticket than that of the guest is taken over', async () => {
    const shop = await open({}, { ratePerSecond: 0.001 })
    await shop.join('first')
    const [bob, forged] = [await shop.join('bob'), { 'stockhold-ticket': 'forged' }]
    for (const headers of [bob, forged, {}]) {
      const told = await shop.call('POST', '/queue', { buyer: 'ann once guest', headers })
      expect(told).toMatchObject({ status: 200, body: { status: 'waiting' } })
    }
    expect(await shop.call('GET', '/queue', { buyer: 'bob', headers: bob })).toMatchObject({ status: 200 })
    expect((await shop.room!.stats()).waiting).toBe(3)
    await shop.room!.block('eve')
    const guest = await shop.join('guest')
    expect(await shop.call('POST', '/queue', { buyer: 'eve once guest', headers: guest })).toMatchObject({
      status: 403,
      body: { code: 'blocked' },
    })
    expect(await shop.call('GET', '/queue', { buyer: 'guest', headers: guest })).toMatchObject({
      status: 200,
    })
  })

  test.each(['/queue', '/queue/events'])('a ticket that is none leaves the browser: GET %s', async (path) => {
    const shop = await open()
    const told = await shop.call('GET', path, { buyer: 'ann', headers: { 'stockhold-ticket': 'forged' } })
    expect(told).toMatchObject(refused)
    expect(told.headers.get('set-cookie')).toMatch(/^stockhold-ticket=; Max-Age=0/)
  })

  test('a ticket alone is enough where the shop does not know who sends it', async () => {
    const shop = await open()
    const headers = await shop.join('ann')
    const told = await shop.call('GET', '/queue', { headers })
    expect(told).toMatchObject({ status: 200, body: { status: 'admitted' } })
  })

  test('rejects the pass of another buyer', async () => {
    const shop = await open()
    const passOf = async (buyer: string) => {
      const headers = await shop.join(buyer)
      const { headers: given } = await shop.call('GET', '/queue', { buyer, headers })
      return { 'stockhold-pass': given.get('stockhold-pass')! }
    }
    const [ann, bob] = [await passOf('ann'), await passOf('bob')]
    const rejected = { status: 403, body: { code: 'pass_rejected' } }
    expect(await shop.reserve('bob', 'k', 1, ann)).toMatchObject(rejected)
    const made = await shop.reserve('bob', 'k', 1, bob)
    expect(made).toMatchObject({ status: 201 })
    const amend = (headers: Record<string, string>): Promise<Told> => {
      const body = { items: [{ sku: 'phone', quantity: 2 }] }
      return shop.call('PATCH', `/reservations/${made.body.id}`, { buyer: 'bob', headers, body })
    }
    expect(await amend(ann)).toMatchObject(rejected)
    expect((await shop.sale.stats()).skus.phone).toMatchObject({ held: 1 })
    expect(shop.errors).toEqual([])
  })

  test.each(unreadable)('an `identify` that has %s is asked again, and nothing was done', async (buyer) => {
    const shop = await open({ allow: () => true })
    const headers = await shop.join('ann')
    const later = { status: 503, body: { code: 'UNAVAILABLE', retryAfterMs: expect.any(Number) } }
    const requests = [
      ['GET', '/queue'],
      ['GET', '/queue/events'],
      ['DELETE', '/queue'],
      ['POST', '/queue'],
      ['GET', '/sale'],
      ['POST', '/reservations'],
      ['GET', '/reservations'],
      ['GET', '/reservations?limit=many'],
      ['GET', '/reservations/r-1'],
      ['PATCH', '/reservations/r-1'],
      ['DELETE', '/reservations/r-1'],
      ['POST', '/reservations/r-1/extension'],
    ] as const
    // Neither a missing ticket, key or body nor an id that is none makes it the visitor's fault.
    for (const sent of [headers, {}])
      for (const [method, path] of requests) {
        const told = await shop.call(method, path, { buyer, headers: sent })
        expect([method, path, told]).toMatchObject([method, path, later])
        expect(told.headers.get('set-cookie')).toBeNull()
        expect(Number(told.headers.get('retry-after'))).toBeGreaterThanOrEqual(1)
      }
    expect(await shop.reserve(buyer, 'k', 1, headers)).toMatchObject(later)
    const error = { code: 'UNAVAILABLE', cause: { message: 'the session store is away' } }
    expect(shop.errors).toMatchObject([...requests, ...requests, 'reserve'].map(() => error))
    expect(await shop.call('GET', '/queue', { buyer: 'ann', headers })).toMatchObject({ status: 200 })
  })

  test('an empty name is no buyer: the shop does not know who sends the request', async () => {
    const shop = await open()
    const unknown = { status: 401, body: { code: 'login_required' } }
    for (const asked of [{ buyer: '' }, {}]) {
      const told = await shop.call('POST', '/queue', asked)
      expect(told).toMatchObject(unknown)
      expect(told.headers.get('www-authenticate')).toBe('Session')
      expect(await shop.call('GET', '/reservations', asked)).toMatchObject(unknown)
      expect(await shop.call('GET', '/queue', asked)).toMatchObject(refused)
    }
    expect(await shop.reserve('', 'k')).toMatchObject(unknown)
    expect(shop.errors).toEqual([])
  })

  test('an empty name is no guest either: the buyer joins as without one', async () => {
    const shop = await open({}, { ratePerSecond: 0.001 })
    const guest = await shop.join('guest')
    for (const headers of [guest, {}]) {
      const told = await shop.call('POST', '/queue', { buyer: 'ann once', headers })
      expect(told).toMatchObject({ status: 200, body: { status: 'waiting' } })
    }
    expect(await shop.call('GET', '/reservations', { buyer: 'ann once' })).toMatchObject({ status: 200 })
    expect(await shop.call('GET', '/queue', { buyer: 'guest', headers: guest })).toMatchObject({
      status: 200,
    })
    expect(shop.errors).toEqual([])
  })

  test('an `identify` that returns no buyer is told to the shop, and no ticket is served', async () => {
    const shop = await open()
    const headers = await shop.join('ann')
    vi.spyOn(shop.room!, 'poll')
    const told = await shop.call('GET', '/queue', { buyer: 'x'.repeat(300), headers })
    expect(told).toMatchObject({ status: 500, body: { code: 'INTERNAL' } })
    expect(shop.room!.poll).not.toHaveBeenCalled()
    expect(String(shop.errors[0])).toContain('identify must return a buyer')
  })
}
