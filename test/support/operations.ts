import { onTestFinished } from 'vitest'
import type { Engine } from '../../src/engine/engine.js'
import { StockholdError } from '../../src/errors.js'
import { Operations } from '../../src/operations/operations.js'
import type { PostgresLedger } from '../../src/postgres/ledger.js'
import { wrapped } from './wrapped-engine.js'

export const ann = { by: 'ann', reason: 'the queue is too long' }

/** The operations of one process. By the time of the machine, a call of theirs may take long. */
export function operating(engine: Engine, ledger?: PostgresLedger): Operations {
  const operations = new Operations({ engine, ledger, ...(!engine.clock && { deadlineMs: 60_000 }) })
  onTestFinished(() => operations.close())
  return operations
}

/** The log, an entry a line: `pause sale:launch done`. */
export async function logLines(operations: Operations): Promise<string[]> {
  const entries = await operations.log()
  return entries.reverse().map(({ operation, target, outcome }) => `${operation} ${target} ${outcome}`)
}

/** An engine whose calls to the log fare as told; `twice`: the call is delivered twice. */
export function withLog(
  engine: Engine,
  fateOf: (op: { readonly ended: string | null }) => 'answered' | 'twice' | 'reply lost' | 'away' | 'refused',
): Engine {
  const log = engine.operationsLog!
  return wrapped(engine, {
    operationsLog: {
      ...log,
      async run(command, ops, call) {
        if (command !== 'write') return log.run(command, ops, call)
        const fate = fateOf(ops[0] as { readonly ended: string | null })
        if (fate === 'away') throw new StockholdError('UNAVAILABLE', 'away')
        if (fate === 'refused') throw new StockholdError('UNAVAILABLE', 'no right', { retryable: false })
        if (fate === 'twice') await log.run(command, ops, call)
        const reply = await log.run(command, ops, call)
        if (fate === 'reply lost') throw new StockholdError('UNKNOWN_OUTCOME', 'lost')
        return reply
      },
    },
  })
}
