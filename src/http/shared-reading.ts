/**
 * One question at a time, and its answer for all requests within `ageMs` of it. A failure is told
 * to the requests that waited for it, and is not kept.
 */
export class SharedReading<T> {
  readonly #ageMs: number
  readonly #ask: () => Promise<T>
  readonly #now: () => number
  #last: { readonly value: T; readonly at: number } | undefined
  #asking: Promise<T> | undefined

  /** @param now A clock that never goes back. ms */
  constructor(ageMs: number, ask: () => Promise<T>, now = () => performance.now()) {
    this.#ageMs = ageMs
    this.#ask = ask
    this.#now = now
  }

  async get(): Promise<T> {
    if (this.#last && this.isFresh) return this.#last.value
    this.#asking ??= this.#read()
    return this.#asking
  }

  /** The latest answer, however old, without waiting. If it is old, a new one is asked for. */
  get latest(): T | undefined {
    if (!this.isFresh) this.get().catch(() => {})
    return this.#last?.value
  }

  get isFresh(): boolean {
    return this.#last !== undefined && this.#now() - this.#last.at < this.#ageMs
  }

  async #read(): Promise<T> {
    const at = this.#now()
    try {
      const value = await this.#ask()
      this.#last = { value, at }
      return value
    } finally {
      this.#asking = undefined
    }
  }
}
