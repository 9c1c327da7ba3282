import { KEPT_ENTRIES, type LoggedOperation, type OperationsLogCommands } from '../engine/operations-log.js'
import { answering, retry, type Step } from './answering.js'

type Op<C extends keyof OperationsLogCommands> = OperationsLogCommands[C]['op']
type Answer<C extends keyof OperationsLogCommands> = OperationsLogCommands[C]['answer']

/** The operations log of an engine. */
export class OperationsLog {
  /** By id, the earliest first. */
  readonly #entries = new Map<string, LoggedOperation>()
  #count = 0

  readonly run = answering<OperationsLogCommands>({
    write: (op, step) => this.#write(op, step),
    read: ({ before, limit }) => {
      const wanted = [...this.#entries.values()].filter(({ number }) => before === null || number < before)
      return { status: 'read', entries: wanted.reverse().slice(0, limit) }
    },
  })

  #write({ id, begun, ended }: Op<'write'>, { now, overdue }: Step): Answer<'write'> {
    const known = this.#entries.get(id)
    if (known && (ended === null || known.ended !== null)) return { status: 'written' }
    if (overdue) return retry
    const entry = known ?? { id, number: ++this.#count, begun, begunAt: now, ended: null, endedAt: null }
    this.#entries.set(id, ended === null ? entry : { ...entry, ended, endedAt: now })
    for (const old of [...this.#entries.keys()].slice(0, -KEPT_ENTRIES)) this.#entries.delete(old)
    return { status: 'written' }
  }
}
