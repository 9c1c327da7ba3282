import type { CallOptions } from '../batching/batcher-set.js'
import { isObserved } from '../telemetry/open-calls.js'
import { FRESH_MS } from './tuning.js'

const ignore = () => {}

/**
 * Waits for the next reading of the room, for callers that go on without it, too. Callers of about
 * the same deadline share a wait: a timer for each costs as much as a join.
 */
export class SharedRefresh {
  readonly #refresh: (limits: CallOptions) => Promise<unknown>
  #shared: { readonly deadline: number; readonly over: Promise<void> } | undefined

  constructor(refresh: (limits: CallOptions) => Promise<unknown>) {
    this.#refresh = refresh
  }

  /** Never rejects. */
  wait(limits: CallOptions): Promise<void> {
    const { deadline, signal } = limits
    const isAlone = signal !== undefined || isObserved()
    if (this.#shared && !isAlone && deadline - this.#shared.deadline < FRESH_MS) return this.#shared.over
    const over = this.#refresh(limits).then(ignore, ignore)
    if (isAlone) return over
    const shared = { deadline, over }
    this.#shared = shared
    void over.then(() => {
      if (this.#shared === shared) this.#shared = undefined
    })
    return over
  }

  /** The room is being read: callers that come from now on wait for the next time. */
  begin(): void {
    this.#shared = undefined
  }
}
