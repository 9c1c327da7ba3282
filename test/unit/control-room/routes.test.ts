import { describe, expect, onTestFinished, test } from 'vitest'
import type { ControlRoomOptions, Operator } from '../../../src/control-room.js'
import { type Engine, FlashSale, memoryEngine, WaitingRoom } from '../../../src/index.js'
import type { MemoryEngine } from '../../../src/memory-engine/memory-engine.js'
import { Operations } from '../../../src/operations/operations.js'
import type { PostgresLedger } from '../../../src/postgres/ledger.js'
import { jsonOf, OWN_HEADERS, TestRoom } from '../../support/control-room.js'
import { withPorts } from '../../support/wrapped-engine.js'

const EVIL = `"><img src=x onerror=alert(1)>`
const read: Operator = { role: 'read', name: 'eve' }

async function launch(options: Partial<ControlRoomOptions> = {}) {
  const engine = memoryEngine()
  onTestFinished(() => engine.close())
  const patient = { engine, deadlineMs: 60_000 }
  const sale = new FlashSale('launch', patient)
  await sale.create({ stock: { a: 10, b: 5 } })
  const queue = new WaitingRoom('queue', { ...patient, secret: 's'.repeat(32), ratePerSecond: 5 })
  await queue.create()
  const operations = new Operations({ engine })
  onTestFinished(() => operations.close())
  const log = async () =>
    (await operations.log()).map(({ operation, by, reason, outcome }) =>
      [operation, by, reason, outcome].join(' '),
    )
  return { engine, sale, queue, log, room: new TestRoom(engine, options) }
}

/** The engine, and how often it was asked anything. */
function counted(engine: Engine) {
  let asked = 0
  const counting = withPorts(engine, (port) => ({
    ...port,
    ready: () => port.ready(),
    run(command: never, ops: never, call: never) {
      asked++
      return port.run(command, ops, call)
    },
  }))
  return { engine: counting, asked: () => asked }
}

const pause = { operation: 'pause', target: 'sale:launch', reason: 'wrong price' }
const ROUTES = [
  ['GET', ''],
  ['GET', 'control-room.js'],
  ['GET', 'control-room.css'],
  ['GET', 'snapshot'],
  ['GET', 'events'],
  ['GET', 'course?sale=launch'],
  ['POST', 'operations'],
  ['GET', 'nothing'],
] as const

describe('who may do what', () => {
  test('a stranger gets 401 from every route, and the engine is not asked', async () => {
    const { engine, asked } = counted(memoryEngine())
    const room = new TestRoom(engine, { authorize: () => undefined })
    for (const [method, path] of ROUTES) {
      const body = method === 'POST' ? JSON.stringify(pause) : null
      const response = await room.fetch(path, { method, headers: OWN_HEADERS, body })
      expect([path, response.status]).toEqual([path, 401])
      expect(await jsonOf(response)).toEqual({
        type: 'urn:problem-type:stockhold:unauthorized',
        title: 'You are not logged in.',
        status: 401,
        code: 'unauthorized',
      })
    }
    expect(asked()).toBe(0)
  })

  test.each([
    ['throws', () => Promise.reject(new Error('the session store is away'))],
    ['returns another role', () => ({ role: 'admin', name: 'ann' }) as never],
    ['returns a role that is a name of objects', () => 'constructor' as never],
    ['returns no name', () => ({ role: 'operate' }) as never],
    ['returns true', () => true as never],
  ] as const)(
    'an authorize that %s opens nothing, and its error is told to onError alone',
    async (_, authorize) => {
      const { room, log } = await launch({ authorize })
      for (const response of [await room.operate(pause), await room.fetch('')]) {
        expect(response.status).toBe(500)
        const text = await response.text()
        expect(JSON.parse(text).code).toBe('INTERNAL')
        expect(text).not.toMatch(/session|authorize|admin|operator/)
      }
      expect(room.errors).toHaveLength(2)
      expect(await log()).toEqual([])
    },
  )

  test('authorize is given each request', async () => {
    const { room } = await launch({
      authorize: ({ headers }) => (headers.get('cookie') === 'ann' ? 'operate' : undefined),
    })
    expect((await room.fetch('')).status).toBe(401)
    expect((await room.fetch('', { headers: { cookie: 'ann' } })).status).toBe(200)
  })

  test('a viewer without the right to operate changes nothing, and may ask', async () => {
    const { room, sale, log } = await launch({ authorize: () => read })
    for (const operation of ['pause', 'end', 'restock', 'recover', 'destroy', 'reconcile']) {
      const response = await room.operate({ ...pause, operation })
      expect(response.status).toBe(403)
      expect((await jsonOf(response)).code).toBe('forbidden')
    }
    expect((await sale.stats()).state).toBe('open')
    expect(await log()).toEqual([])
    const audit = await room.operate({ operation: 'audit', target: 'sale:launch' })
    expect([audit.status, (await jsonOf(audit)).ok]).toEqual([200, true])
  })

  test('a role alone stands for an operator without a name', async () => {
    const { room, log } = await launch({ authorize: () => 'operate' })
    expect((await room.operate(pause)).status).toBe(200)
    expect(await log()).toEqual(['pause operator wrong price done'])
  })
})

describe('requests that the viewer has not sent', () => {
  test.each([
    [
      'of another origin',
      { ...OWN_HEADERS, origin: 'https://evil.test', host: 'shop.test' },
      'foreign_origin',
    ],
    ['of a page without an origin', { ...OWN_HEADERS, origin: 'null', host: 'shop.test' }, 'foreign_origin'],
    ['of another site', { ...OWN_HEADERS, 'sec-fetch-site': 'cross-site' }, 'foreign_origin'],
    ['of a sibling domain', { ...OWN_HEADERS, 'sec-fetch-site': 'same-site' }, 'foreign_origin'],
    ['without the header', { 'content-type': 'application/json' }, 'header_required'],
    ['of a form', { ...OWN_HEADERS, 'content-type': 'text/plain' }, 'media_type'],
    [
      'of a form with fields',
      { ...OWN_HEADERS, 'content-type': 'application/x-www-form-urlencoded' },
      'media_type',
    ],
    ['without a type', { 'stockhold-control-room': '1', 'content-type': '' }, 'media_type'],
  ])('an operation %s is refused', async (_, headers, code) => {
    const { room, sale, log } = await launch()
    const response = await room.operate(pause, headers)
    expect([(await jsonOf(response)).code, response.status]).toEqual([
      code,
      code === 'media_type' ? 415 : 403,
    ])
    expect((await sale.stats()).state).toBe('open')
    expect(await log()).toEqual([])
  })

  test('an operation of the page itself is carried out', async () => {
    const { room } = await launch()
    const headers = {
      ...OWN_HEADERS,
      origin: 'https://shop.test',
      host: 'shop.test',
      'sec-fetch-site': 'same-origin',
    }
    expect((await room.operate(pause, headers)).status).toBe(200)
  })

  test('no answer lets a page of another origin read it', async () => {
    const { room } = await launch()
    const response = await room.fetch('snapshot', { headers: { origin: 'https://evil.test' } })
    const names = [...response.headers.keys()].filter((name) => name.startsWith('access-control'))
    expect(names).toEqual([])
    expect(response.headers.get('cross-origin-resource-policy')).toBe('same-origin')
  })
})

describe('operations', () => {
  const SALE = 'sale:launch'
  test.each([
    ['pause', SALE, {}, { state: 'paused' }],
    ['resume', SALE, {}, { state: 'open' }],
    ['end', SALE, {}, { state: 'ended' }],
    ['update', SALE, { limitPerBuyer: 2 }, { revision: 1, replayed: false }],
    ['restock', SALE, { sku: 'a', quantity: 3, key: 'k' }, { applied: 3 }],
    ['set-total', SALE, { sku: 'a', total: 4, key: 'k' }, { status: 'set', applied: -6 }],
    ['move', SALE, { from: 'a', to: 'b', quantity: 2, key: 'k' }, { status: 'moved', applied: 2 }],
    ['recover', SALE, { from: 'accept' }, { restored: 0 }],
    [
      'recover',
      SALE,
      { from: 'replay', everywhere: { waitFor: 1, timeoutMs: 60_000 } },
      { processes: { resumed: true, missing: [] } },
    ],
    ['destroy', SALE, { force: false }, { status: 'not_ended' }],
    ['pause', 'room:queue', {}, { state: 'paused' }],
    ['rate', 'room:queue', { perSecond: 9 }, { ratePerSecond: 9 }],
    ['block', 'room:queue', { buyer: 'u-1' }, { blocked: true }],
    ['unblock', 'room:queue', { buyer: 'u-1' }, { unblocked: false }],
  ] as const)(
    '%s of %s is carried out, and logged with name and reason',
    async (operation, target, given, result) => {
      const { room, sale, log } = await launch()
      // A recovery waits for processes that sell.
      const sold = await sale.reserve({ buyer: 'u-0', items: [{ sku: 'a', quantity: 1 }] })
      if (sold.status === 'reserved') await sale.release(sold.reservation.id)
      const response = await room.operate({ operation, target, arguments: given, reason: 'why' })
      expect(response.status).toBe(200)
      expect(await jsonOf(response)).toMatchObject({ operation, target, result, logged: true })
      expect(await log()).toEqual([`${operation} ann why done`])
    },
  )

  test('dead letters of a group that does not exist are not found', async () => {
    const { room } = await launch()
    for (const operation of ['dead-letters-retry', 'dead-letters-discard']) {
      const given = { group: 'none', ids: 'all' }
      const response = await room.operate({ operation, target: SALE, arguments: given, reason: 'why' })
      expect([response.status, (await jsonOf(response)).code]).toEqual([404, 'NOT_FOUND'])
    }
    const shown = await room.operate({
      operation: 'dead-letters',
      target: SALE,
      arguments: { group: 'none' },
    })
    expect(shown.status).toBe(404)
  })

  test('reservations, audits and refunds due are found, and not logged', async () => {
    const { room, sale, log } = await launch()
    const held = await sale.reserve({ buyer: 'u-1', items: [{ sku: 'a', quantity: 1 }] })
    if (held.status !== 'reserved') throw new Error(held.status)
    const { id } = held.reservation
    await sale.release(id)
    await sale.confirm(id, { paymentId: 'p-1' })
    const found = await room.operate({ operation: 'find', target: SALE, arguments: { buyer: 'u-1' } })
    expect((await jsonOf(found)).reservations).toMatchObject([{ id, state: 'released' }])
    const refunds = await room.operate({ operation: 'refunds', target: SALE })
    expect((await jsonOf(refunds)).payments).toMatchObject([{ reservationId: id, paymentId: 'p-1' }])
    expect(await log()).toEqual([])
  })

  test('what needs a ledger uses the one that was given', async () => {
    const payments = async () => [
      {
        sale: 'launch',
        reservationId: 'r',
        buyer: 'u-1',
        paymentId: 'p',
        own: true,
        outcome: 'refund_due',
        reason: 'released',
      },
    ]
    const ledger = { payments } as unknown as PostgresLedger
    const { room, engine } = await launch({ ledger })
    const refunds = await room.operate({ operation: 'refunds', target: SALE })
    expect(await jsonOf(refunds)).toMatchObject({ from: 'ledger', payments: [{ paymentId: 'p' }] })
    const without = new TestRoom(engine)
    const response = await without.operate({ operation: 'reconcile', target: SALE, reason: 'why' })
    expect([response.status, (await jsonOf(response)).code]).toEqual([400, 'INVALID_ARGUMENT'])
  })

  test('a failed operation is logged, and its message is the one of the log', async () => {
    const { room, log, sale } = await launch()
    await sale.end()
    const given = { sku: 'none', quantity: 1, key: 'k' }
    const response = await room.operate({
      operation: 'restock',
      target: SALE,
      arguments: given,
      reason: 'why',
    })
    expect(response.status).toBe(400)
    expect((await jsonOf(response)).detail).toContain('none')
    expect(await log()).toEqual(['restock ann why failed'])
  })

  test('an error that is none of the library tells nothing', async () => {
    const broken = withPorts(memoryEngine(), (port) => ({
      ...port,
      ready: () => Promise.reject(new Error('secret of the host')),
    }))
    const room = new TestRoom(broken)
    const response = await room.operate(pause)
    expect(response.status).toBe(500)
    expect(await response.text()).not.toContain('secret')
    expect(String(room.errors[0])).toContain('secret of the host')
  })
})

describe('hostile input', () => {
  test.each([
    ['no JSON', '{', 'malformed'],
    ['null', 'null', 'INVALID_ARGUMENT'],
    ['an array', '[]', 'INVALID_ARGUMENT'],
    ['a text', '"pause"', 'INVALID_ARGUMENT'],
    ['no operation', { target: 'sale:launch', reason: 'r' }, 'INVALID_ARGUMENT'],
    ['an operation that there is not', { ...pause, operation: 'sell' }, 'INVALID_ARGUMENT'],
    ['a method of objects', { ...pause, operation: 'constructor' }, 'INVALID_ARGUMENT'],
    ['an inherited name', { ...pause, operation: '__proto__' }, 'INVALID_ARGUMENT'],
    ['no target', { operation: 'pause', reason: 'r' }, 'INVALID_ARGUMENT'],
    ['a target that is no text', { ...pause, target: {} }, 'INVALID_ARGUMENT'],
    ['no reason', { operation: 'pause', target: 'sale:launch' }, 'INVALID_ARGUMENT'],
    ['an empty reason', { ...pause, reason: '' }, 'INVALID_ARGUMENT'],
    ['a long reason', { ...pause, reason: 'r'.repeat(257) }, 'INVALID_ARGUMENT'],
    ['a name of its own', { ...pause, by: 'bob' }, 'INVALID_ARGUMENT'],
    ['an unknown argument', { ...pause, arguments: { force: true } }, 'INVALID_ARGUMENT'],
    ['arguments that are none', { ...pause, operation: 'update', arguments: 'x' }, 'INVALID_ARGUMENT'],
    ['an unknown rule', { ...pause, operation: 'update', arguments: { limit: 1 } }, 'INVALID_ARGUMENT'],
    ['an unknown sale', { ...pause, target: 'sale:none' }, 'NOT_FOUND'],
    [
      'a number as a group',
      { ...pause, operation: 'dead-letters', arguments: { group: 1 } },
      'INVALID_ARGUMENT',
    ],
    ['a large body', JSON.stringify({ ...pause, reason: 'r'.repeat(600_000) }), 'body_too_large'],
  ])('a body with %s is refused', async (_, body, code) => {
    const { room, sale } = await launch()
    const response = await room.operate(body)
    expect((await jsonOf(response)).code).toBe(code)
    expect(response.status).toBeGreaterThanOrEqual(400)
    expect(response.status).toBeLessThan(500)
    expect((await sale.stats()).state).toBe('open')
    expect(room.errors).toEqual([])
  })

  test('huge headers change nothing', async () => {
    const { room } = await launch()
    const headers = { 'last-event-id': 'x'.repeat(100_000), cookie: 'y'.repeat(100_000) }
    expect((await room.fetch('snapshot', { headers })).status).toBe(200)
    const viewer = await room.watch(headers)
    await expect.poll(() => viewer.heard.length).toBe(1)
  })

  test('the name of an operator is text in the page', async () => {
    const { room } = await launch({ authorize: () => ({ role: 'operate', name: EVIL }) })
    const page = await (await room.fetch('')).text()
    expect(page).not.toContain('<img')
    expect(page).toContain('data-name="&quot;&gt;&lt;img src=x onerror=alert(1)&gt;"')
  })

  test('no options but the known ones are taken', () => {
    const engine = memoryEngine()
    const make = (options: object) => () => new TestRoom(engine, options)
    for (const options of [
      { authorise: () => 'read' },
      { authorize: undefined },
      { engine: {} },
      { ledger: {} },
      { maxViewers: -1 },
      { onError: 'log' },
    ])
      expect(make(options)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
    expect(make({ ledger: undefined, maxViewers: undefined, onError: undefined })).not.toThrow()
  })
})

describe('pages and answers', () => {
  test('every answer forbids caches, frames, guesses of types, and everything that is not its own', async () => {
    const { room } = await launch()
    for (const [method, path] of ROUTES) {
      const { headers } = await room.fetch(path, { method })
      expect(headers.get('cache-control')).toContain('no-store')
      expect(headers.get('x-content-type-options')).toBe('nosniff')
      const policy = headers.get('content-security-policy')!
      for (const rule of [
        "default-src 'none'",
        "script-src 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
      ])
        expect(policy).toContain(rule)
      expect(policy).not.toContain('unsafe')
    }
  })

  test('the page has no script and no style in it, and names no other host', async () => {
    const { room } = await launch()
    const page = await (await room.fetch('')).text()
    expect(page).not.toMatch(/<style|style=|onclick|https?:/)
    expect(page.match(/<script/g)).toHaveLength(1)
    expect((await room.fetch('control-room.js')).headers.get('content-type')).toContain('text/javascript')
    expect((await room.fetch('control-room.css')).headers.get('content-type')).toContain('text/css')
  })

  test.each(['control-room.js', 'control-room.css'])(
    '%s has the licence of the package in it',
    async (name) => {
      const { room } = await launch()
      const text = await (await room.fetch(name)).text()
      expect(text).toContain('uplot\n\nThe MIT License (MIT)\n\nCopyright (c) 2022 Leon Sorokin')
      expect(text).toContain('The above copyright notice and this permission notice')
    },
  )

  test('without a slash at its end the address leads to the page', async () => {
    const { room } = await launch()
    const get = (path: string, accept: string) =>
      room.handle(new Request(`http://shop.test${path}`, { headers: { accept } }))
    const { status, headers } = await get('/admin/control', 'text/html,*/*;q=0.8')
    expect([status, headers.get('location')]).toEqual([308, './control/'])
    for (const [path, accept] of [
      ['/admin/control/snapshots', 'application/json'],
      ['/admin/control/snapshots', '*/*'],
      ['/admin/control/favicon.ico', 'image/avif,*/*;q=0.8'],
      ['/admin/control/page.js', 'text/html'],
    ] as const)
      expect((await get(path, accept)).status, path).toBe(404)
    expect((await room.handle(new Request('http://shop.test/'))).status).toBe(200)
  })

  test('other methods are refused, and HEAD answers without a body', async () => {
    const { room } = await launch()
    const deleted = await room.fetch('snapshot', { method: 'DELETE' })
    expect([deleted.status, deleted.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
    expect((await room.fetch('operations')).headers.get('allow')).toBe('POST')
    expect((await room.fetch('nothing', { method: 'POST' })).status).toBe(404)
    for (const path of ['', 'snapshot', 'events', 'course?sale=launch']) {
      const response = await room.fetch(path, { method: 'HEAD' })
      expect([response.status, response.body]).toEqual([200, null])
    }
  })
})

describe('the snapshot', () => {
  test('has each number of the engine', async () => {
    const { room, sale, queue } = await launch()
    const items = [{ sku: 'a', quantity: 1 }]
    const held = await sale.reserve({ buyer: 'u-1', items })
    if (held.status !== 'reserved') throw new Error(held.status)
    await sale.confirm(held.reservation.id)
    await sale.reserve({ buyer: 'u-2', items: [{ sku: 'a', quantity: 2 }] })
    await queue.join('u-1')
    await room.operate(pause)
    const { view, problem } = await room.snapshot()
    expect(problem).toBeNull()
    expect(view!.sales).toMatchObject([
      {
        ...{ id: 'launch', state: 'paused', problem: null, groups: [] },
        rules: { limitPerBuyer: null, partitions: 1, revision: 0 },
        skus: [
          { sku: 'a', total: 10, available: 7, held: 2, confirmed: 1, takenPerSecond: null },
          { sku: 'b', total: 5, available: 5, held: 0, confirmed: 0 },
        ],
      },
    ])
    expect(view!.rooms).toMatchObject([
      { id: 'queue', state: 'open', stats: { waiting: 1, ratePerSecond: 5 } },
    ])
    expect(view!.log).toMatchObject([
      { operation: 'pause', by: 'ann', reason: 'wrong price', outcome: 'done' },
    ])
    expect(view).toMatchObject({ others: [], othersCount: 0, refunds: null, hasLedger: false })
  })

  test('a sale that was lost before the control room began is an alert', async () => {
    const { room, engine } = await launch()
    ;(engine as MemoryEngine).partitions.clear()
    const { view } = await room.snapshot()
    expect(view!.sales).toMatchObject([{ id: 'launch', state: 'lost', skus: null }])
    expect(view!.alerts).toMatchObject([{ kind: 'lost', level: 'critical', subject: 'sale:launch' }])
  })

  test('shows 24 sales whole, those that have ended last, and names the others', async () => {
    const { room, engine, sale } = await launch()
    await sale.end()
    for (let i = 0; i < 25; i++) {
      const store = new FlashSale(`store-${i}`, { engine, deadlineMs: 60_000 })
      await store.create({ stock: { a: 1 } })
    }
    const { view } = await room.snapshot()
    expect(view!.sales).toHaveLength(24)
    expect(view!.sales.map(({ id }) => id)).not.toContain('launch')
    expect(view!.othersCount).toBe(2)
    expect(view!.others.map(({ id }) => id)).toContain('launch')
  })

  test('a ledger that is away is told, also if `onError` throws', async () => {
    const payments = () => Promise.reject(new Error('ECONNREFUSED'))
    const onError = () => {
      throw new Error('the log is full')
    }
    const { room } = await launch({ ledger: { payments } as unknown as PostgresLedger, onError })
    const viewer = await room.watch()
    await expect.poll(() => viewer.heard.at(-1)?.told.view?.refunds?.failed).toBe(true)
    await viewer.leave()
  })

  test('refunds due are those of the ledger; a ledger that is away hides nothing else', async () => {
    let isAway = true
    let failed = 0
    const payment = {
      reservationId: 'r',
      buyer: 'u-1',
      paymentId: 'p',
      own: true,
      outcome: 'refund_due',
      reason: 'released',
    }
    const payments = async () => {
      if (isAway) {
        failed++
        throw new Error('ECONNREFUSED')
      }
      return [{ sale: 'launch', ...payment }]
    }
    const ledger = { payments } as unknown as PostgresLedger
    const { room, engine } = await launch({ ledger })
    const refundsOf = async (one: TestRoom) => {
      await one.snapshot()
      const viewer = await one.watch()
      await expect.poll(() => viewer.heard.at(-1)?.told.view?.refunds ?? null).not.toBeNull()
      await viewer.leave()
      return viewer.last.told.view!
    }
    const without = await refundsOf(room)
    expect(without.refunds).toEqual({ failed: true, complete: false, payments: [] })
    expect(without.sales).toHaveLength(1)
    // A viewer who stays for long sees more than one reading of the ledger.
    expect(failed).toBeGreaterThan(0)
    await expect.poll(() => room.errors.length).toBe(failed)
    isAway = false
    const { refunds } = await refundsOf(new TestRoom(engine, { ledger }))
    expect(refunds).toMatchObject({
      failed: false,
      complete: true,
      payments: [{ sale: 'launch', paymentId: 'p' }],
    })
  })
})
