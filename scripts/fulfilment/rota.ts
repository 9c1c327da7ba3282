export interface RotaOptions {
  /** Visits at a time. */
  readonly atOnce: number
  /** How long after its first order a store is visited: one visit for all that comes meanwhile. ms */
  readonly afterMs: number
}

/**
 * Who looks after thousands of stores of which most are quiet: a store is visited when it has orders, by the next hand that is free, and costs
 * nothing in between, no consumer, no timer and no call.
 *
 * `tell` is for whoever confirms an order. Between processes it is a message, such as a member of a Redis set that the
 * rota's process takes out before the visit. A message may be lost with the process that was to send it; so look at every store now and then,
 * by `sale.consumerGroups()`, which says in one call whether there is anything left.
 */
export class Rota<S> {
  readonly #visit: (store: S) => Promise<void>
  readonly #options: RotaOptions
  /** Those to be visited, and when; in order, as every one waits for the same time. */
  readonly #waiting = new Map<S, number>()
  readonly #visited = new Set<S>()
  #timer: NodeJS.Timeout | undefined
  #hurries = false
  #done: (() => void) | undefined
  visits = 0
  /** Visits that failed. */
  failures = 0

  constructor(visit: (store: S) => Promise<void>, options: RotaOptions) {
    this.#visit = visit
    this.#options = options
  }

  /** Stores that wait for a visit, or have one. */
  get busy(): number {
    return this.#waiting.size + this.#visited.size
  }

  /** There is something new in that store. */
  tell(store: S): void {
    if (this.#waiting.has(store)) return
    this.#waiting.set(store, performance.now() + this.#options.afterMs)
    this.#goOn()
  }

  /** Visits all that wait, at once; resolves when nobody does any more. */
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
    // Who is being visited is passed over: two hands at a time would only be in each other's way.
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
      // At the end it is left to whoever looks whether there is anything left.
      if (!this.#hurries) this.#waiting.set(store, performance.now() + this.#options.afterMs)
    }
    this.#visited.delete(store)
    this.#goOn()
  }
}
