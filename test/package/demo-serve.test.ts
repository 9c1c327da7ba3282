/** `npm run demo -- --serve`: the control room beside the launch, and after it. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { openBrowser } from '../../scripts/lib/open-browser.js'
import type { Told } from '../../src/control-room/view.js'
import { root } from './chapters.js'

/** Only a demo that never gets there reaches it. ms */
const timeout = 600_000

/** What the demo printed in this row. */
function figure(printed: string, row: string): number {
  const line = printed.split('\n').find((text) => text.trimStart().startsWith(row))
  return Number(line?.trim().slice(row.length) ?? expect.fail(`no row "${row}" in: ${printed}`))
}

test('the link shows the launch, stays after it, and Ctrl-C ends it', async () => {
  const args = ['--serve', '--engine', 'memory', '--units', '20', '--no-ledger']
  // A browser that is not there is no error.
  const env = { ...process.env, DISPLAY: ':0', PATH: '' }
  const program = ['scripts/run.mjs', 'scripts/demo/demo.ts', ...args]
  const child = spawn(process.execPath, program, { cwd: root, env })
  const ended = once(child, 'close')
  let printed = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      printed += chunk
    })
  const link = /http:\/\/127\.0\.0\.1:\d+\/\?token=[\w-]{43}/g
  await expect.poll(() => printed, { timeout }).toMatch(link)
  const [url] = printed.match(link)!
  const entered = await fetch(url!, { redirect: 'manual' })
  const cookie = entered.headers.getSetCookie()[0]!.split(';')[0]!
  const read = async () => {
    const told = await fetch(new URL('/snapshot', url), { headers: { cookie } })
    return ((await told.json()) as Told).view
  }
  await expect.poll(async () => (await read())?.rooms.length, { timeout }).toBe(1)
  await expect.poll(() => printed, { timeout }).toContain('Ctrl-C ends the demo')
  expect(printed).toContain('verdict: everything adds up')
  expect(printed.match(link)).toHaveLength(1)
  const view = (await read())!
  // The last buyers may cancel, and then nobody waits for their units.
  const sold = figure(printed, 'sold (confirmed)')
  expect(sold + figure(printed, 'refunded after the payment')).toBe(20)
  expect(view.sales[0]!.skus![0]).toMatchObject({ total: sold, confirmed: sold })
  await expect.poll(async () => (await read())!.sales[0]!.answers.length, { timeout }).toBeGreaterThan(1)
  child.kill('SIGINT')
  expect(await ended).toEqual([130, null])
})

test.each([
  ['an output that is no terminal', { isTerminal: false }, false],
  ['a machine without a display', { env: {} }, false],
  ['a terminal over ssh', { env: { DISPLAY: ':0', SSH_CONNECTION: '1.2.3.4' } }, false],
  ['a system of which the way is not known', { platform: 'aix' }, false],
  ['a display, also if no program is found that opens browsers', {}, true],
] as const)('a browser is asked for only where there is one: %s', (_, given, isAsked) => {
  const desk = { platform: 'linux', env: { DISPLAY: ':0', PATH: '/nowhere' }, isTerminal: true } as const
  expect(openBrowser('http://127.0.0.1:1/', { ...desk, ...given })).toBe(isAsked)
})
