import {
  CROWDED_MS,
  FORGOTTEN_MS,
  type HeartbeatCommands,
  MAX_FIGURES,
  MAX_PROCESSES,
  type NotedProcess,
  PROCESSES_AT_ONCE,
} from '../../engine/heartbeat.js'
import { retry, type Step } from '../answering.js'

type Op<C extends keyof HeartbeatCommands> = HeartbeatCommands[C]['op']
type Answer<C extends keyof HeartbeatCommands> = HeartbeatCommands[C]['answer']

/** What the processes have told of themselves. */
export class ProcessTable {
  readonly #known = new Map<string, NotedProcess>()

  beat({ process, figures }: Op<'beat'>, { now, overdue }: Step): Answer<'beat'>['status'] {
    if (Buffer.byteLength(figures) > MAX_FIGURES) return 'too_large'
    if (overdue) return 'retry'
    const earliest = this.#earliestFirst()
    if (!this.#known.has(process) && earliest.length >= MAX_PROCESSES) {
      if (earliest[0]!.seenAt > now - CROWDED_MS) return 'full'
      this.#known.delete(earliest.shift()!.process)
    }
    for (const old of earliest.slice(0, PROCESSES_AT_ONCE))
      if (old.seenAt <= now - FORGOTTEN_MS) this.#known.delete(old.process)
    this.#known.set(process, { process, seenAt: now, figures })
    return 'noted'
  }

  leave({ process }: Op<'leave'>, { overdue }: Step): Answer<'leave'> {
    if (overdue && this.#known.has(process)) return retry
    this.#known.delete(process)
    return { status: 'left' }
  }

  list(): Answer<'processes'> {
    return { status: 'listed', processes: this.#earliestFirst().reverse() }
  }

  #earliestFirst(): NotedProcess[] {
    return [...this.#known.values()].sort((a, b) => a.seenAt - b.seenAt || (a.process < b.process ? -1 : 1))
  }
}
