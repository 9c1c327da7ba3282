/**
 * One question at a time, and its answer for all requests within `ageMs` of it. A failure is told
 * to the requests that waited for it, and is not kept.
 */
export class SharedReading<T> {
  readonly #ageMs: number
  readonly #ask: () => Promise<T>
  #last: { readonly value: T; readonly at: number } | undefined
  #asking: Promise<T> | undefined

  constructor(ageMs: number, ask: () => Promise<T>) {
    this.#ageMs = ageMs
    this.#ask = ask
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
    return this.#last !== undefined && performance.now() - this.#last.at < this.#ageMs
  }

  async #read(): Promise<T> {
    const at = performance.now()
    try {
      const value = await this.#ask()
      this.#last = { value, at }
      return value
    } finally {
      this.#asking = undefined
    }
  }
}
