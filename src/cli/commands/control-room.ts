import { once } from 'node:events'
import { checkId } from '../../validation.js'
import type { Command, Given, Surroundings } from '../command.js'
import { DONE } from '../exit-codes.js'
import { AS, LEDGER, READING } from '../options.js'
import { Screen } from '../screen.js'
import { inSession, type Session } from '../session.js'
import { safe, safeJson } from '../terminal/safe.js'

const USED_TWICE =
  'The link was opened a second time, and refused. If you cannot have been that: Ctrl-C, start again, and see who else uses this machine.'

function run(given: Given, surroundings: Surroundings): Promise<number> {
  const port = given.whole('port', 1, 65_535) ?? 0
  // The engine has its heartbeat: it asks the processes that sell. Handles that look have none.
  return inSession(given, surroundings, (session) => show(port, session, surroundings))
}

async function show(
  port: number,
  { engine, ledger, actor, given, note }: Session,
  { output, env }: Surroundings,
): Promise<number> {
  const operator = { role: given.flag('read') ? 'read' : 'operate', name: checkId(actor.by, '--as') } as const
  const ended = new AbortController()
  // The page is large, and no other command needs it.
  const { serveControlRoom } = await import('../control-room/serve.js')
  const onError = (error: unknown) => {
    if (!ended.signal.aborted) note(error instanceof Error ? error.message : String(error))
  }
  const options = { engine, ledger, onError, authorize: () => operator }
  const served = await serveControlRoom(port, options, () => note(USED_TWICE))
  try {
    const interrupted = firstSignal(ended.signal)
    if (given.flag('json')) output.write(`${safeJson({ url: served.url })}\n`)
    else {
      const screen = new Screen(output, env)
      const may = operator.role === 'read' ? 'may look' : 'may operate'
      screen.line(`The control room, in which ${safe(operator.name)} ${may}. The link works once:\n`)
      screen.line(`  ${served.url}\n`)
      screen.line('Ctrl-C ends it.')
    }
    await interrupted
    return DONE
  } finally {
    ended.abort()
    await served.close()
  }
}

/** Resolves with Ctrl-C, or when the process is told to end. */
async function firstSignal(signal: AbortSignal): Promise<void> {
  await Promise.race(['SIGINT', 'SIGTERM'].map((name) => once(process, name, { signal })))
}

export const operating: readonly Command[] = [
  {
    ...{ name: 'control-room', section: 'To look', parameters: '', run },
    summary: 'the page of all sales, live and with every operation, on this machine alone',
    details:
      'It prints a link that lets one browser in, once. Nothing but this machine reaches the page; from another machine: ssh -L 8080:127.0.0.1:8080 HOST, with --port 8080 here.',
    options: [
      { name: 'port', value: 'N', help: 'of 127.0.0.1 (default: a free one)' },
      { name: 'read', help: 'the page changes nothing' },
      AS,
      ...READING,
      ...LEDGER,
    ],
    examples: ['control-room', 'control-room --as ann --postgres postgres://ledger/shop'],
  },
]
