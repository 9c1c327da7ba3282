import { once } from 'node:events'
import { type Served, serveControlRoom } from '../../src/cli/control-room/serve.js'
import type { Engine } from '../../src/index.js'
import type { PostgresLedger } from '../../src/postgres.js'
import { openBrowser } from '../lib/open-browser.js'

const USED_TWICE = 'The link of the control room was opened a second time, and refused: it works once.'

/** The control room of a launch, for one browser of this machine. */
export async function openControlRoom(engine: Engine, ledger: PostgresLedger | undefined): Promise<Served> {
  const authorize = () => ({ role: 'operate', name: 'demo' }) as const
  const served = await serveControlRoom(0, { engine, ledger, authorize }, () => console.error(USED_TWICE))
  const { platform, env, stdout } = process
  const isOpened = openBrowser(served.url, { platform, env, isTerminal: stdout.isTTY })
  console.log(`The control room${isOpened ? ', in your browser' : '. Open it now; the link works once'}:`)
  console.log(`\n  ${served.url}\n`)
  return served
}

/** Keeps the control room open, until a signal ends the demo. */
export async function stay(interrupted: AbortSignal): Promise<void> {
  console.log('\nThe control room stays open, and every operation works. Ctrl-C ends the demo.')
  // A process without timers would end.
  const alive = setInterval(() => {}, 60_000)
  await once(interrupted, 'abort')
  clearInterval(alive)
}
