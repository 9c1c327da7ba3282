/**
 * What the snippets of the chapters must print, by the comments in them; and how a snippet that
 * only declares is called.
 */
export interface Expectation {
  readonly call?: string
  readonly prints: readonly string[]
}

/** The way of a buyer over HTTP, from the queue to the hold. `port` is the shop's. */
const wayOfABuyer = `
        const call = async (method: string, path: string, headers = {}, body?: unknown) => {
          const sent = { 'content-type': 'application/json', 'x-user': 'u-1', ...headers }
          const text = body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body)
          const response = await fetch(\`http://127.0.0.1:\${port}/shop\${path}\`, { method, headers: sent, body: text })
          const told = (await response.text()) || 'null'
          return { code: response.status, headers: response.headers, body: JSON.parse(told) }
        }
        const joined = await call('POST', '/queue')
        const polled = await call('GET', '/queue', { 'stockhold-ticket': joined.headers.get('stockhold-ticket')! })
        const buy = { 'stockhold-pass': polled.headers.get('stockhold-pass')!, 'idempotency-key': 'c-1' }
        const cart = { items: [{ sku: 'mango-me', quantity: 1 }] }
        const held = await call('POST', '/reservations', buy, cart)
        const again = await call('POST', '/reservations', buy, cart)
        console.log(joined.code, polled.body.status, held.code, again.code, held.headers.get('location') === \`/shop/reservations/\${held.body.id}\`)`

/** By chapter, one for each of its snippets in `ts`, in order. */
export const expectations: Readonly<Record<string, readonly Expectation[]>> = {
  'README.md': [
    {
      call: `
        const held = await checkout('u-1', 'c-1')
        if (typeof held === 'string') throw new Error(held)
        console.log(held.state, await paymentArrived(held.id, 'p-1'), await paymentArrived(held.id, 'p-1'))
        process.exit(0)`,
      prints: ['held ship it ship it'],
    },
    {
      call: `
        await new Promise((resolve) => server.once('listening', resolve))
        const { port } = server.address() as { port: number }
        for (const query of ['buyer=u-1&checkout=c-1', 'buyer=u-1&checkout=c-1', 'buyer=u-1&checkout=c-2', 'buyer=u-1&checkout=c-3', '']) {
          const response = await fetch('http://127.0.0.1:' + port + '/reservations?' + query, { method: 'POST' })
          const { status, replayed, code } = await response.json()
          console.log(response.status, status ?? code, replayed)
        }
        process.exit(0)`,
      prints: [
        [
          '201 reserved false',
          '201 reserved true',
          '201 reserved false',
          '409 limit_exceeded undefined',
          '400 INVALID_ARGUMENT undefined',
        ].join('\n'),
      ],
    },
    { prints: ['reserved reserved', 'refund_due'] },
  ],
  'src/consumer/README.md': [
    {
      call: `
        await sale.create({ stock: { 'mango-me': 2 } })
        const buy = async (buyer: string) => {
          const held = await sale.reserve({ buyer, items: [{ sku: 'mango-me', quantity: 1 }] })
          if (held.status !== 'reserved') throw new Error(held.status)
          return held.reservation.id
        }
        const [first, second] = [await buy('u-1'), await buy('u-2')]
        await sale.confirm(first, { paymentId: 'p-1' })
        await sale.release(second)
        await sale.confirm(second, { paymentId: 'p-2' })
        while ((await consumer.stats()).lag > 0) await new Promise((resolve) => setTimeout(resolve, 20))
        console.log([...shipments.keys()].join() === first)
        await stop()
        process.exit(0)`,
      prints: ['give back p-2 released\ntrue'],
    },
  ],
  'src/client/README.md': [
    {
      call: `
        import { FlashSale, memoryEngine, WaitingRoom } from 'stockhold'
        import { saleRoutes } from 'stockhold/http'
        const engine = memoryEngine()
        const room = new WaitingRoom('page', { engine, secret: 's'.repeat(32), ratePerSecond: 100 })
        const sale = new FlashSale('page', { engine, waitingRoom: room })
        await sale.create({ stock: { 'mango-me': 1 } })
        await room.create()
        const routes = saleRoutes({ sale, room, identify: () => 'u-1', basePath: '/shop' })
        let cookies = ''
        globalThis.fetch = async (path, init) => {
          const headers = { ...init!.headers, cookie: cookies, 'sec-fetch-site': 'same-origin' }
          const response = await routes(new Request('http://shop' + path, { ...init, credentials: undefined, headers } as RequestInit))
          cookies += response.headers.getSetCookie().map((cookie) => cookie.split(';')[0] + ';').join('')
          return response
        }
        await new Promise<void>((resolve) => void buy(shop, (text) => {
          console.log(text.replace(/\\d+/, 'N'))
          if (text.startsWith('Yours')) resolve()
        }))
        process.exit(0)`,
      prints: ['Yours for N s'],
    },
  ],
  'src/http/README.md': [
    {
      call: `
        import { createHmac } from 'node:crypto'
        const { port } = app.server.address() as { port: number }${wayOfABuyer}
        const object = { client_reference_id: held.body.id, payment_intent: 'pi_1' }
        const event = JSON.stringify({ id: 'evt_1', type: 'checkout.session.completed', data: { object } })
        const t = Math.floor(Date.now() / 1_000)
        const sign = (secret: string) => 't=' + t + ',v1=' + createHmac('sha256', secret).update(t + '.' + event).digest('hex')
        const forged = await call('POST', '/payments', { 'stripe-signature': sign('whsec_other') }, event)
        const paid = await call('POST', '/payments', { 'stripe-signature': sign('whsec_test') }, event)
        console.log(forged.code, paid.code, paid.body.status)
        // The process ends by itself, or the test would wait for it.
        process.kill(process.pid, 'SIGTERM')`,
      prints: ['200 admitted 201 200 true\n', '400 200 confirmed'],
    },
    {
      call: `
        import { Webhook } from 'standardwebhooks'
        const { port } = server.address() as { port: number }${wayOfABuyer}
        const event = JSON.stringify({ type: 'payment.succeeded', data: { reservation: held.body.id, payment: 'p-1' } })
        const sign = (body: string) => ({
          'webhook-id': 'msg_1',
          'webhook-timestamp': String(Math.floor(Date.now() / 1_000)),
          'webhook-signature': new Webhook('whsec_dGVzdA==').sign('msg_1', new Date(), body),
        })
        const forged = await call('POST', '/payments', sign(event + ' '), event)
        const paid = await call('POST', '/payments', sign(event), event)
        console.log(forged.code, paid.code, paid.body.status)
        // The process ends by itself, or the test would wait for it.
        process.kill(process.pid, 'SIGTERM')`,
      prints: ['200 admitted 201 200 true\n', '400 200 confirmed'],
    },
    {
      call: `
        await new Promise((resolve) => server.listening ? resolve(0) : server.once('listening', resolve))
        const { port } = server.address() as { port: number }${wayOfABuyer}
        const ready = await call('GET', '/readyz')
        console.log(ready.code, JSON.stringify(ready.body))
        // The process ends by itself, or the test would wait for it.
        process.kill(process.pid, 'SIGTERM')`,
      prints: ['200 admitted 201 200 true\n', '200 {"canSell":true,"why":null}'],
    },
    {
      call: `
        const held = await sale.reserve({ buyer: 'u-1', items: [{ sku: 'mango-me', quantity: 1 }] })
        if (held.status !== 'reserved') throw new Error(held.status)
        const body = JSON.stringify({ order: held.reservation.id, payment: 'p-1' })
        const pay = (signature: string) => routes(new Request('http://shop/payments', { method: 'POST', headers: { 'x-signature': signature }, body }))
        const told = await pay(signatureOf(body).toString('hex'))
        console.log((await pay('00')).status, told.status, await told.text())`,
      prints: ['400 200 {"status":"confirmed"}'],
    },
    {
      call: `
        await new Promise((resolve) => server.listening ? resolve(0) : server.once('listening', resolve))
        const { port } = server.address() as { port: number }
        const shop = \`http://127.0.0.1:\${port}\`
        const headers = { 'content-type': 'application/json', 'x-user': 'u-1', 'idempotency-key': 'c-1' }
        const body = JSON.stringify({ items: [{ sku: 'mango-me', quantity: 1 }] })
        const held = await fetch(shop + '/shop/reservations', { method: 'POST', headers, body })
        const nobody = await fetch(shop + '/shop/reservations', { headers: { 'x-user': '' } })
        const other = await fetch(shop + '/about')
        console.log(held.status, nobody.status, other.status)
        // The process ends by itself, or the test would wait for it.
        process.kill(process.pid, 'SIGTERM')`,
      prints: ['201 401 404'],
    },
    {
      call: `
        import express from 'express'
        const [app, sale] = [express(), await saleProvider.useFactory()]
        const routes = mountSale({ get: () => sale, use: (path, handler) => app.use(path, handler) })
        app.use(express.json())
        const server = app.listen(0)
        await new Promise((resolve) => server.once('listening', resolve))
        const { port } = server.address() as { port: number }
        const headers = { 'content-type': 'application/json', 'x-user': 'u-1', 'idempotency-key': 'c-1' }
        const body = JSON.stringify({ items: [{ sku: 'mango-me', quantity: 1 }] })
        const held = await fetch(\`http://127.0.0.1:\${port}/shop/reservations\`, { method: 'POST', headers, body })
        await routes.close()
        const ready = await fetch(\`http://127.0.0.1:\${port}/shop/readyz\`)
        console.log(held.status, ready.status)
        process.exit(0)`,
      prints: ['201 503'],
    },
    {
      call: `
        const headers = { 'content-type': 'application/json', 'x-user': 'u-1', 'idempotency-key': 'c-1' }
        const body = JSON.stringify({ items: [{ sku: 'mango-me', quantity: 1 }] })
        const held = await handle(new Request('http://shop/shop/reservations', { method: 'POST', headers, body }))
        const sale = await handle(new Request('http://shop/shop/sale'))
        console.log(held.status, (await sale.json()).state)
        process.exit(0)`,
      prints: ['201 open'],
    },
    {
      call: `
        const held = await sale.reserve({ buyer: 'u-1', items: [{ sku: 'mango-me', quantity: 1 }] })
        if (held.status !== 'reserved') throw new Error(held.status)
        await sale.confirm(held.reservation.id, { paymentId: 'p-1' })
        while ((await consumer.stats()).lag > 0) await new Promise((resolve) => setTimeout(resolve, 20))
        process.kill(process.pid, 'SIGTERM')`,
      prints: ["pack [ { sku: 'mango-me', quantity: 1 } ]\nclosed"],
    },
    { prints: ['201,409,201'] },
    {
      call: `
        const asked: any[] = []
        const note = (what: object, { idempotencyKey }: { idempotencyKey: string }) => void asked.push([what, idempotencyKey])
        Object.assign(globalThis, {
          stripe: {
            checkout: { sessions: { create: async (session: object, options: any) => (note(session, options), { url: 'https://pay' }) } },
            refunds: { create: async (refund: object, options: any) => note(refund, options) },
          },
        })
        const held = await sale.reserve({ buyer: 'u-1', items: [{ sku: 'mango-me', quantity: 1 }] })
        if (held.status !== 'reserved') throw new Error(held.status)
        const { id } = held.reservation
        const url = await pay(id)
        const { expiresAt } = (await sale.get(id))!
        const [{ expires_at, client_reference_id }] = asked[0]
        const now = Date.now() / 1_000
        console.log(url, client_reference_id === id, expires_at < expiresAt / 1_000 - 100, expires_at > now + 1_800)
        for (const paymentId of ['pi_1', 'pi_2']) await sale.confirm(id, { paymentId })
        while ((await consumer.stats()).lag > 0) await new Promise((resolve) => setTimeout(resolve, 20))
        console.log(JSON.stringify(asked[1]), await pay(id))
        process.exit(0)`,
      prints: ['https://pay true true true', '[{"payment_intent":"pi_2"},"pi_2"] already_confirmed'],
    },
  ],
  'src/control-room/README.md': [
    {
      call: `
        await new Promise((resolve) => server.listening ? resolve(0) : server.once('listening', resolve))
        const { port } = server.address() as { port: number }
        const page = (headers = {}) => fetch(\`http://127.0.0.1:\${port}/admin/control/\`, { headers })
        const known = await page({ authorization: 'Bearer test' })
        console.log((await page()).status, known.status, (await known.text()).includes('data-role="operate"'))
        process.exit(0)`,
      prints: ['401 200 true'],
    },
    {
      call: `
        await new Promise((resolve) => server.listening ? resolve(0) : server.once('listening', resolve))
        const { port } = server.address() as { port: number }
        const at = \`http://127.0.0.1:\${port}/admin/control/\`
        const snapshot = await (await fetch(at + 'snapshot')).json()
        const headers = { 'content-type': 'application/json', 'stockhold-control-room': '1' }
        const body = JSON.stringify({ operation: 'pause', target: 'sale:none', reason: 'r' })
        const refused = await fetch(at + 'operations', { method: 'POST', headers, body })
        console.log(snapshot.problem, Array.isArray(snapshot.view.sales), refused.status)
        process.exit(0)`,
      prints: ['null true 403'],
    },
  ],
  'src/telemetry/README.md': [
    {
      call: `
        await sale.confirm('').catch(() => {})
        process.exit(0)`,
      prints: [
        'create created\na batch of 2: reserve\nreserve reserved\nreserve reserved\nconfirm INVALID_ARGUMENT\n',
      ],
    },
    {
      call: `
        await new Promise((resolve) => server.listening ? resolve(0) : server.once('listening', resolve))
        const { port } = server.address() as { port: number }
        const scraped = await (await fetch('http://127.0.0.1:' + port + '/metrics')).text()
        for (const line of scraped.split('\\n'))
          if (/^stockhold_(calls_total.*"reserve"|sale_units.*"held")/.test(line))
            console.log(line.split('{')[0] + line.slice(line.lastIndexOf(' ')))
        process.exit(0)`,
      prints: ['stockhold_calls_total 1\nstockhold_sale_units 1\n'],
    },
  ],
  'src/postgres/README.md': [
    {
      call: `
        await engine.close()
        process.exit(0)`,
      prints: ['true 0 0'],
    },
    {
      call: `
        const money: string[] = []
        const units = (items: { quantity: number }[]) => items.reduce((sum, { quantity }) => sum + quantity, 0)
        const note = (sign: string) => async (_: string, items: { quantity: number }[]) => void money.push(sign + units(items))
        Object.assign(globalThis, { pay: note('+'), deduct: note('-') })
        await ledger.migrate()
        await sale.create({ stock: { 'mango-me': 10 } })
        const buy = async (quantity: number) => {
          const held = await sale.reserve({ buyer: 'u-1', items: [{ sku: 'mango-me', quantity }] })
          if (held.status !== 'reserved') throw new Error(held.status)
          await sale.confirm(held.reservation.id, { paymentId: 'p-' + quantity })
          return held.reservation.id
        }
        const [kept, late, gone] = [await buy(1), await buy(2), await buy(3)]
        await sale.refund(gone, { restock: true })
        for (const order of [kept, kept, late, gone]) console.log(await parcelPacked(order, 't-' + order))
        const weeksAgo = new Date(Date.now() - 20 * 86_400_000)
        for (const order of [kept, late]) await parcelReceived(order, 't-' + order, weeksAgo)
        await paySeller('mon')
        await ledger.refund(sale, late, { restock: false })
        await ledger.ship(sale, late, { carrier: 'dhl', reference: 'again' })
        await paySeller('tue')
        console.log(money.sort().join())
        process.exit(0)`,
      prints: ['hand it over\nhand it over\nhand it over\nkeep it: refunded', '+1,+2,-2'],
    },
  ],
  'src/redis-engine/README.md': [
    {
      prints: [
        'Redis cannot be reached: connect ECONNREFUSED 127.0.0.1:1. Nothing was executed.',
        'UNAVAILABLE',
      ],
    },
    { prints: ['was used last at 20'] },
    { prints: ["durability 'aof' needs an append-only file: set appendonly to yes"] },
    { prints: ['reserved limit_exceeded', 'available: 998, held: 2'] },
  ],
  'src/sale/README.md': [
    { prints: ['held until', 'IDEMPOTENCY_CONFLICT false', 'true []'] },
    {
      prints: [
        '{ revision: 1, replayed: false }',
        '{ revision: 1, replayed: true }',
        '{ limitPerBuyer: 3 } 1',
      ],
    },
    {
      call: `
        const refunds: string[] = []
        const provider = { createSession: async () => 'session', refund: async (id: string) => void refunds.push(id) }
        Object.assign(globalThis, provider)
        const held = await sale.reserve({ buyer: 'u-1', items: [{ sku: 'mango-me', quantity: 1 }] })
        if (held.status !== 'reserved') throw new Error(held.status)
        const { id } = held.reservation
        console.log(await pay(id), await paid(id, 'p-1'), await paid(id, 'p-1'), await paid(id, 'p-2'), refunds)`,
      prints: ["session ship ship refund [ 'p-2' ]"],
    },
    { prints: ['amended', 'limit_exceeded'] },
    { prints: ['1', "held [ { sku: 'mango', quantity: 2 } ]"] },
    {
      prints: [
        "1 false confirmed [ { sku: 'socks', quantity: 2 } ]",
        "2 true confirmed [ { sku: 'socks', quantity: 2 } ]",
        'total: 1, available: 1, held: 0, confirmed: 0',
      ],
    },
    { prints: ["ann [ { sku: 'mango', quantity: 2 } ]", 'true', 'limit_exceeded reserved'] },
    { prints: ['-2 3', '60', 'total: 65, available: 57, held: 8'] },
    { prints: ['reserved', 'not_started', 'ended', '38', 'limit_exceeded', 'reserved'] },
    {
      prints: ['reserved', 'limit_exceeded: adult', 'sold_out: child', 'sold_out: hall', 'reserved', '2'],
    },
    { prints: ['the crowd got 0', 'ann', '0 bob'] },
    { prints: ['reserved', '7 Oak Street 2', 'reserved', 'household_conflict', '1'] },
    {
      prints: [
        "{ status: 'not_ended' }",
        "{ status: 'in_use' }",
        'ended 1 true',
        "{ status: 'destroyed' }",
        'NOT_FOUND',
      ],
    },
  ],
  'src/sale/recovery/README.md': [
    {
      call: `
        import { Redis } from 'ioredis'
        const client = new Redis(process.env.REDIS_URL!)
        const buy = (buyer: string) => sale.reserve({ buyer, items: [{ sku: 'mango-me', quantity: 1 }], key: 'k' })
        const codeOf = (error: unknown) => (error as { code: string }).code
        await buy('u-1')
        const keys = (await client.keys('{stockhold:mango-me-recovery:0}:*')).sort()
        /** Puts the sale back to before it sold to this buyer. */
        const forget = async (buyer: string) => {
          const older = await Promise.all(keys.map((key) => client.dumpBuffer(key)))
          await buy(buyer)
          await client.multi(keys.map((key, i) => ['restore', key, 0, older[i]!, 'REPLACE'])).exec()
          console.log(await buy('u-9').catch(codeOf))
        }
        const held = async () => (await sale.stats()).skus['mango-me']!.held
        await forget('u-2')
        await new FlashSale('mango-me-recovery', { engine }).recover({ from: 'accept' })
        console.log(await held())
        await forget('u-2')
        await recover('replay', false)
        console.log(await buy('u-9').catch(codeOf))
        await recover('replay', true)
        console.log(await held())
        await client.del(keys)
        console.log(await buy('u-9').catch(codeOf))
        await recover('replay', true)
        console.log((await buy('u-9') as { status: string }).status)
        process.exit(0)`,
      prints: [
        'ROLLBACK_DETECTED\n1\nROLLBACK_DETECTED\n',
        '2 as acknowledged',
        'tell u-2: replaced\nROLLBACK_DETECTED\n',
        'STATE_LOST\n',
        'reserved',
      ],
    },
    {
      call: `
        import { Redis } from 'ioredis'
        const client = new Redis(process.env.REDIS_URL!)
        const other = new FlashSale('mango-me-everywhere', { engine: redisEngine(client) })
        await other.create({ stock: { 'mango-me': 10 } })
        const buy = (buyer: string) => other.reserve({ buyer, items: [{ sku: 'mango-me', quantity: 1 }] })
        const statusOf = async (buyer: string) => buy(buyer).then(({ status }) => status, ({ code }) => code)
        await buy('u-1')
        await client.del(await client.keys('{stockhold:mango-me-everywhere:*'))
        console.log(await statusOf('u-2'))
        console.log(await recoverEverywhere(1))
        console.log(await statusOf('u-2'), (await sale.stats()).skus['mango-me']!.held)
        process.exit(0)`,
      prints: ['STATE_LOST', '0 to go', 'true', 'reserved 2'],
    },
    {
      call: `
        import { Redis } from 'ioredis'
        const client = new Redis(process.env.REDIS_URL!)
        await ledger.migrate()
        const before = new FlashSale('rebuilt', { engine })
        await before.create({ stock: { 'mango-me': 3 } })
        const follower = await ledger.follow(before)
        await before.reserve({ buyer: 'u-1', items: [{ sku: 'mango-me', quantity: 2 }] })
        await ledger.reconcile(before)
        await follower.close()
        await client.del(await client.keys('{stockhold:rebuilt:*'))
        console.log(await recover('rebuilt'), (await new FlashSale('rebuilt', { engine }).stats()).skus['mango-me'])
        process.exit(0)`,
      prints: ['{ restored: 1, ok: true } { total: 3, available: 1, held: 2, confirmed: 0, inTransit: 0 }'],
    },
  ],
  'src/testing/README.md': [
    { prints: ['100 stories', 'nothing oversold'] },
    { prints: ['UNKNOWN_OUTCOME reserved'] },
    { prints: ['1\n'] },
  ],
  'src/waiting-room/README.md': [
    {
      call: `
        const { ticket } = await join('u-1')
        const told: string[] = []
        const response = { on() {}, writeHead() {}, write: (text: string) => told.push(text), end: () => told.push('end') }
        await events(ticket, response as unknown as ServerResponse)
        const last = JSON.parse(told.at(-2)!.replace('data: ', ''))
        console.log(last.status, told.at(-1), (await poll(ticket)).status, typeof last.pass)
        console.log(await checkout('u-2', 'c-1', last.pass), await checkout('u-1', 'c-1', last.pass))
        // Nothing that comes with a request, nor the end of the process, rejects: no caller may be
        // there to handle it.
        await events('nonsense', response as unknown as ServerResponse)
        console.log(told.splice(-2), await poll('nonsense'))
        await room.setRate(0)
        const waiting = await join('u-3')
        const [revoked, open] = ['u-4', 'u-3'].map(async (buyer) =>
          events((await join(buyer)).ticket, response as unknown as ServerResponse))
        while (told.length < 4) await new Promise((resolve) => setTimeout(resolve, 10))
        await room.revoke('u-4')
        await revoked
        console.log(told.splice(-2))
        await room.close()
        await open
        console.log(told.at(-1))
        await events(waiting.ticket, response as unknown as ServerResponse)
        console.log(told.at(-1))
        process.exit(0)`,
      prints: [
        'admitted end admitted string',
        'invalid reserved',
        `[ 'data: {"status":"gone"}\\n\\n', 'end' ] { status: 'gone' }\n[ 'data: {"status":"gone"}\\n\\n', 'end' ]\nend\nend`,
      ],
    },
    { prints: ['admitted'] },
    { prints: ['admitted'] },
    { prints: ['3 2\nwaiting admitted'] },
    {
      prints: [
        '{ revision: 1, replayed: false }\n{ revision: 2, replayed: false }\n{ revision: 2, replayed: true }\nnot_open 2',
      ],
    },
    { prints: ['1 6 2 9 4 8 3 10 5 7\n64'] },
  ],
}
