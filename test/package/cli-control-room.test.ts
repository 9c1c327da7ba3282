import { createServer, request } from 'node:http'
import { Redis } from 'ioredis'
import { expect, onTestFinished, test } from 'vitest'
import { freePort } from '../../scripts/lib/servers/machine.js'
import { startRedis } from '../../scripts/lib/servers/redis/server.js'
import { FlashSale, redisEngine } from '../../src/index.js'
import { begin, openControlRoom, stockhold } from '../support/cli.js'
import { OWN_HEADERS, Viewer } from '../support/control-room.js'
import { OwnRedis } from '../support/own-redis.js'

const redis = new OwnRedis()
const at = () => ({ env: { REDIS_URL: redis.url } })

const open = (...args: string[]) => openControlRoom(args, at())
const pause = JSON.stringify({ operation: 'pause', target: 'sale:launch', reason: 'bots' })

async function launch() {
  await redis.client.flushall()
  const engine = redisEngine(redis.client)
  const sale = new FlashSale('launch', { engine, deadlineMs: 60_000 })
  onTestFinished(async () => {
    await sale.close()
    await engine.close()
  })
  await sale.create({ stock: { a: 5 } })
  return sale
}

test('the link lets one browser in, once', async () => {
  const { get, token, printed } = await open('--as', 'ann')
  expect(token).toMatch(/^[\w-]{43}$/)
  const entered = await get(`/?token=${token}`)
  expect([entered.status, entered.headers.get('location')]).toEqual([303, '/'])
  const [cookie, ...attributes] = entered.headers.get('set-cookie')!.split('; ')
  expect(cookie).toMatch(/^stockhold-control-room-\d+=[\w-]{43}$/)
  expect(cookie).not.toContain(token)
  expect(attributes).toEqual(expect.arrayContaining(['HttpOnly', 'SameSite=Strict', 'Path=/']))

  const page = await get('/', { cookie: cookie! })
  expect(page.status).toBe(200)
  expect(await page.text()).toContain('data-role="operate" data-name="ann"')
  const again = await get(`/?token=${token}`, { cookie: cookie! })
  expect([again.status, again.headers.get('location')]).toEqual([303, '/'])
  expect(again.headers.get('set-cookie')).toBeNull()
  expect(printed.errors).toBe('')

  const other = await get(`/?token=${token}`)
  expect([other.status, other.headers.get('set-cookie')]).toEqual([401, null])
  expect(await other.text()).toContain('This link was used before.')
  expect(printed.errors).toContain('The link was opened a second time')
  expect((await get('/', { cookie: cookie! })).status).toBe(200)
})

test('without its cookie everything is 401, and points to the terminal', async () => {
  const room = await open()
  const { get, origin, token } = room
  const wrong = [`/?token=${token.slice(1)}`, `/?token=${token}x`, '/?token=', '/']
  for (const path of [...wrong, '/control-room.js', '/snapshot', '/events', '/nothing']) {
    const response = await get(path)
    expect([path, response.status]).toEqual([path, 401])
    expect(await response.text()).toContain('stands in the terminal')
  }
  // Only opening the link uses it up.
  for (const method of ['HEAD', 'POST'])
    expect((await fetch(`${origin}/?token=${token}`, { method })).status).toBe(401)
  const operated = await fetch(`${origin}/operations`, { method: 'POST', headers: OWN_HEADERS, body: pause })
  expect(operated.status).toBe(401)
  const name = `stockhold-control-room-${new URL(origin).port}`
  for (const forged of ['', 'x', 'undefined'])
    expect((await get('/', { cookie: `${name}=${forged}` })).status).toBe(401)
  const { cookie } = await room.enter()
  expect((await get('/', { cookie: `${cookie}x` })).status).toBe(401)
  expect((await get('/', { cookie: cookie.replace(/=.*/, `=${token}`) })).status).toBe(401)
  expect((await get('/', { cookie })).status).toBe(200)
})

test('a page of another name that leads to this machine gets nothing', async () => {
  const room = await open()
  const { port } = new URL(room.origin)
  // `fetch` sets this header itself.
  const statusOf = (path: string, headers: Record<string, string>) =>
    new Promise((resolve, reject) => {
      const sent = request(room.origin + path, { headers }, (response) => {
        resolve(response.resume().statusCode)
      })
      sent.on('error', reject).end()
    })
  const hosts = [`evil.example:${port}`, '127.0.0.1', `127.0.0.1.evil.example:${port}`, `127.0.0.1:1${port}`]
  for (const host of hosts)
    expect([host, await statusOf(`/?token=${room.token}`, { host })]).toEqual([host, 421])
  // The token was not used up.
  const { cookie } = await room.enter()
  for (const host of hosts) expect([host, await statusOf('/snapshot', { host, cookie })]).toEqual([host, 421])
  expect(await statusOf('/snapshot', { host: `localhost:${port}`, cookie })).toBe(200)
})

test.each([
  [['--read'], 403, 'open', []],
  [[], 200, 'paused', [{ operation: 'pause', by: 'ann', reason: 'bots', outcome: 'done' }]],
] as const)('an operation with %j: %i', async (args, status, state, log) => {
  const sale = await launch()
  const room = await open('--as', 'ann', ...args)
  const { cookie } = await room.enter()
  const headers = { ...OWN_HEADERS, cookie }
  const response = await fetch(`${room.origin}/operations`, { method: 'POST', headers, body: pause })
  expect(response.status).toBe(status)
  expect((await sale.stats()).state).toBe(state)
  expect(JSON.parse((await stockhold(['log', '--json'], at())).out)).toMatchObject(log)
})

test('Ctrl-C ends it, also while a page is open', async () => {
  await launch()
  const listeners = process.listenerCount('SIGINT')
  const room = await open()
  const { cookie } = await room.enter()
  const stream = (await room.get('/events', { cookie })).body!.getReader()
  let heard = ''
  while (!heard.includes('"launch"')) heard += new TextDecoder().decode((await stream.read()).value)
  expect(await room.interrupt()).toEqual({ code: 0, errors: '', out: expect.stringMatching(/^\{.*\}\n$/) })
  const rest = async () => {
    while (!(await stream.read()).done);
  }
  await rest().catch(() => {})
  await expect(room.get('/', { cookie })).rejects.toThrow()
  expect(process.listenerCount('SIGINT')).toBe(listeners)
})

test('for a person: who may do what, the link, and how it ends', async () => {
  const { printed, interrupt } = begin(['control-room', '--as', 'an\u001bn', '--read'], at())
  await expect.poll(() => printed.out).toContain('Ctrl-C')
  expect((await interrupt()).out).toMatch(
    /^The control room, in which an\\u001bn may look\. The link works once:\n\n {2}http:\/\/127\.0\.0\.1:\d+\/\?token=[\w-]{43}\n\nCtrl-C ends it\.\n$/,
  )
})

test('--port: that one, and a mistake if it is taken', async () => {
  const taken = createServer()
  const port = await freePort()
  await new Promise<void>((resolve) => taken.listen(port, '127.0.0.1', resolve))
  const refused = await stockhold(['control-room', '--port', String(port)], at())
  expect(refused).toMatchObject({ code: 2, out: '' })
  expect(refused.errors).toContain(`--port ${port} cannot be used: EADDRINUSE`)
  await new Promise((resolve) => taken.close(resolve))
  expect((await open('--port', String(port))).origin).toBe(`http://127.0.0.1:${port}`)
})

test.each([
  [['--port', '0'], '--port must be a whole number from 1 to 65535'],
  [['--as', ''], '--as must not be empty'],
  [['--as', 'n'.repeat(257)], '--as must have at most 256 bytes'],
])('a mistake is named: %j', async (args, advice) => {
  expect(await stockhold(['control-room', ...args], at())).toMatchObject({
    ...{ code: 2, out: '', errors: expect.stringContaining(advice) },
  })
})

test('Redis restarts while a page is open: it says so, and goes on with what Redis has', async () => {
  const own = await startRedis({ config: { appendonly: 'yes', appendfsync: 'always' } })
  onTestFinished(() => own.stop())
  const client = new Redis(own.url, { retryStrategy: () => 20 })
  client.on('error', () => {})
  const engine = redisEngine(client)
  const sale = new FlashSale('launch', { engine, deadlineMs: 60_000 })
  onTestFinished(async () => {
    await sale.close()
    await engine.close()
    client.disconnect()
  })
  await sale.create({ stock: { a: 5 } })
  const { origin, enter } = await openControlRoom([], { env: { REDIS_URL: own.url } })
  const viewer = new Viewer(await fetch(`${origin}/events`, { headers: await enter() }))
  const told = () => viewer.last?.told
  const available = () => told()?.view?.sales[0]?.skus?.[0]?.available
  const limit = { timeout: 60_000 }
  await expect.poll(available, limit).toBe(5)
  await own.kill()
  await expect.poll(() => told()?.problem?.code, limit).toBe('UNAVAILABLE')
  expect(available()).toBe(5)
  await own.restart()
  expect(await sale.reserve({ buyer: 'u', items: [{ sku: 'a', quantity: 2 }], key: 'k' })).toMatchObject({
    status: 'reserved',
  })
  await expect.poll(() => [told()?.problem, available()], limit).toEqual([null, 3])
})
