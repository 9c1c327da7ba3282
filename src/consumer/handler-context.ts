/** What a handler receives beside the event. */
export interface HandlerContext {
  /**
   * Aborted when the handler has taken `handlerTimeoutMs`. The event is then handled again, perhaps
   * by another process. Pass the signal to everything that the handler waits for, so that the two
   * runs do not overlap for long.
   */
  readonly signal: AbortSignal
  /** The number of this attempt, as far as this consumer knows: 1 for the first. */
  readonly attempt: number
}

/**
 * Creates its signal when a handler reads it: most handlers do not, and it would cost more than the
 * rest.
 */
export class HandlerRun implements HandlerContext {
  readonly attempt: number
  #controller: AbortController | undefined
  #reason: Error | undefined

  constructor(attempt: number) {
    this.attempt = attempt
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.#reason) this.#controller.abort(this.#reason)
    return this.#controller.signal
  }

  abort(reason: Error): void {
    this.#reason = reason
    this.#controller?.abort(reason)
  }
}
