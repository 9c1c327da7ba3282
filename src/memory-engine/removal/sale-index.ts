import {
  FORGOTTEN_AT_ONCE,
  type IndexCommands,
  type IndexEntry,
  type IndexedIncarnation,
  KEPT_MS,
} from '../../engine/sale-index.js'
import { answering, retry, type Step } from '../answering.js'

type Op<C extends keyof IndexCommands> = IndexCommands[C]['op']
type Answer<C extends keyof IndexCommands> = IndexCommands[C]['answer']

/** The index of an engine. */
export class SaleIndex {
  /** By incarnation. */
  readonly #entries = new Map<string, IndexEntry>()
  /** When each removed incarnation was removed, the earliest first. */
  readonly #removed = new Map<string, number>()

  readonly run = answering<IndexCommands>({
    register: (op, step) => this.#register(op, step),
    find: ({ incarnation }) => {
      const known = this.#entries.get(incarnation)
      if (!known) return { status: 'unknown' }
      const { state, attempt, partitions } = known
      return { status: 'found', state, attempt, partitions }
    },
    commit: (op, step) => this.#commit(op, step),
    finish: (op, step) => this.#finish(op, step),
    list: () => ({ status: 'listed', cursor: '0', entries: [...this.#entries.values()] }),
  })

  #register({ attempts, retains, ...op }: Op<'register'>, { now, overdue }: Step): Answer<'register'> {
    const known = this.#entries.get(op.incarnation)
    const begins = attempts && (known?.state ?? 'live') === 'live'
    const notes = retains && known?.retains !== true
    if (overdue && (!known || begins || notes)) return retry
    const entry = known ?? newEntry(op, now)
    const attempt = entry.attempt + (begins ? 1 : 0)
    this.#entries.set(op.incarnation, { ...entry, attempt, retains: entry.retains || retains })
    return { status: 'registered', state: entry.state, attempt }
  }

  #commit({ incarnation, attempt }: Op<'commit'>, { overdue }: Step): Answer<'commit'> {
    const known = this.#entries.get(incarnation)
    if (!known) return { status: 'superseded' }
    if (known.state !== 'live') return { status: 'committed' }
    if (known.attempt !== attempt) return { status: 'superseded' }
    if (overdue) return retry
    this.#entries.set(incarnation, { ...known, state: 'removing' })
    return { status: 'committed' }
  }

  #finish(op: Op<'finish'>, { now, overdue }: Step): Answer<'finish'> {
    const known = this.#entries.get(op.incarnation) ?? newEntry(op, now)
    if (known.state === 'removed') return { status: 'finished' }
    if (overdue) return retry
    this.#entries.set(op.incarnation, { ...known, state: 'removed' })
    this.#removed.set(op.incarnation, now)
    for (const [incarnation, removedAt] of [...this.#removed].slice(0, FORGOTTEN_AT_ONCE)) {
      if (removedAt > now - KEPT_MS) break
      this.#removed.delete(incarnation)
      this.#entries.delete(incarnation)
    }
    return { status: 'finished' }
  }
}

function newEntry({ kind, name, incarnation, partitions }: IndexedIncarnation, now: number): IndexEntry {
  return { kind, name, incarnation, partitions, state: 'live', createdAt: now, attempt: 0, retains: false }
}
