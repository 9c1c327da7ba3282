import { type Browser, chromium } from 'playwright-core'
import { afterAll, beforeAll } from 'vitest'
import { chromiumBinary } from '../../scripts/lib/servers/chromium/provision.js'

/** Where the machine has no Chromium, the first file brings one over the network. ms */
const START_LIMIT = 10 * 60_000

const args = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** A Chromium for the tests of one file, or of one `describe`. Call the result inside a test. */
export function useBrowser(): () => Browser {
  let browser: Browser | undefined
  beforeAll(async () => {
    const { path, env } = await chromiumBinary({ log: console.log })
    // In the locale C, Chromium tells pages a language that Intl refuses: `en-US@posix`.
    const binary = { executablePath: path, env: { ...env, LC_ALL: 'C' } }
    browser = await chromium.launch({ ...binary, args, timeout: START_LIMIT })
  }, START_LIMIT)
  afterAll(() => browser?.close())
  return () => {
    if (browser === undefined) throw new Error('There is no browser before the tests begin.')
    return browser
  }
}
