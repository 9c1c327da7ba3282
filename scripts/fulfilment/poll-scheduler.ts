export interface PollSchedulerOptions {
  /** Visits at a time. */
  readonly atOnce: number
  /**
   * How long after its first order a store is visited: one visit for all orders that come
   * meanwhile. ms
   */
  readonly afterMs: number
}

/**
 * Schedules the consumers of thousands of stores of which most are quiet. A store is visited when
 * it has orders, as soon as a visit is free; in between it costs nothing, no consumer, no timer and
 * no call.
 *
 * Call `tell` after an order is confirmed. Between processes this is a message, such as a member of
 * a Redis set that the process of the scheduler removes before the visit. A message is lost if its
 * sender crashes, so check every store now and then by `sale.consumerGroups()`, which tells in one
 * call whether events are left.
 */
export class PollScheduler<S> {
  readonly #visit: (store: S) => Promise<void>
  readonly #options: PollSchedulerOptions
  /** Stores to be visited, and when; in order, since every store waits for the same time. */
  readonly #waiting = new Map<S, number>()
  readonly #visited = new Set<S>()
  #timer: NodeJS.Timeout | undefined
  #hurries = false
  #done: (() => void) | undefined
  visits = 0
  /** Visits that failed. */
  failures = 0

  constructor(visit: (store: S) => Promise<void>, options: PollSchedulerOptions) {
    this.#visit = visit
    this.#options = options
  }

  /** Stores that wait for a visit, or have one. */
  get busy(): number {
    return this.#waiting.size + this.#visited.size
  }

  /** Schedules a visit, since the store has a new order. */
  tell(store: S): void {
    if (this.#waiting.has(store)) return
    this.#waiting.set(store, performance.now() + this.#options.afterMs)
    this.#goOn()
  }

  /** Visits all waiting stores without delay; resolves when none is left. */
  async finish(): Promise<void> {
    this.#hurries = true
    this.#goOn()
    if (this.busy > 0)
      await new Promise<void>((resolve) => {
        this.#done = resolve
      })
    this.#hurries = false
  }

  #goOn(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const now = performance.now()
    // A store that is being visited is skipped: two visits at a time would compete for its lease.
    for (const [store, at] of this.#waiting) {
      if (this.#visited.size >= this.#options.atOnce) break
      if (at > now && !this.#hurries) {
        this.#timer = setTimeout(() => this.#goOn(), at - now)
        break
      }
      if (this.#visited.has(store)) continue
      this.#waiting.delete(store)
      this.#visited.add(store)
      void this.#look(store)
    }
    if (this.busy === 0) this.#done?.()
  }

  async #look(store: S): Promise<void> {
    this.visits++
    try {
      await this.#visit(store)
    } catch {
      this.failures++
      // In `finish` a failed visit is not repeated: its caller checks what is left.
      if (!this.#hurries) this.#waiting.set(store, performance.now() + this.#options.afterMs)
    }
    this.#visited.delete(store)
    this.#goOn()
  }
}
