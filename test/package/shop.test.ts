/** `npm run shop` as a command: one line has the address, and a signal closes the shop. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { root } from './chapters.js'

function start(args: readonly string[], env: Record<string, string> = {}) {
  const { REDIS_URL: _, DATABASE_URL: __, ...inherited } = process.env
  const program = ['scripts/run.mjs', 'scripts/shop/main.ts', ...args]
  const child = spawn(process.execPath, program, { cwd: root, env: { ...inherited, ...env } })
  const told = { out: '', error: '' }
  child.stdout.on('data', (chunk) => {
    told.out += chunk
  })
  child.stderr.on('data', (chunk) => {
    told.error += chunk
  })
  return { child, told, ended: once(child, 'close') }
}

test('prints its address, serves the page under a strict policy, and ends with a signal', async () => {
  const { child, told, ended } = start(['--port', '0'])
  await expect.poll(() => told.out).toContain('closes the shop')
  const url = told.out.split('\n')[0]!
  const page = await fetch(url)
  expect(page.headers.get('content-security-policy')).toContain("default-src 'none'; script-src 'self'")
  expect(page.headers.getSetCookie()[0]).toMatch(/^buyer=[\w-]{36}; Path=\/; HttpOnly; SameSite=Lax$/)
  expect(await page.text()).toContain('<h1>mango me</h1>')
  const sale = await (await fetch(`${url}/shop/sale`)).json()
  expect(sale).toMatchObject({ state: 'open', skus: [{ sku: 'mango-me', available: 12 }] })
  const forged = await fetch(`${url}/shop/payments`, { method: 'POST', body: '{}' })
  expect(forged.status).toBe(400)
  const [, control] = /(http:\/\/127\.0\.0\.1:\d+\/\?token=[\w-]{43})/.exec(told.out) ?? []
  const entered = await fetch(control!, { redirect: 'manual' })
  const cookie = entered.headers.getSetCookie()[0]!.split(';')[0]!
  const seen = await fetch(new URL('/snapshot', control), { headers: { cookie } })
  const { view } = (await seen.json()) as { view: { sales: unknown } }
  expect(view.sales).toMatchObject([{ state: 'open', skus: [{ available: 12 }] }])
  child.kill('SIGTERM')
  expect(await ended).toEqual([143, null])
})

test('says why it does not open: a Redis that is not there, a wrong option', async () => {
  const away = start([], { REDIS_URL: 'redis://127.0.0.1:1' })
  const wrong = start(['--stock', 'many'])
  expect([await away.ended, await wrong.ended]).toEqual([
    [1, null],
    [2, null],
  ])
  expect(away.told.error).toContain('ECONNREFUSED')
  expect(wrong.told.error).toContain('--stock must be a whole number')
})
