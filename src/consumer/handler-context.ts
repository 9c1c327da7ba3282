/** What a handler is told beside the event. */
export interface HandlerContext {
  /**
   * Aborted when the handler has taken `handlerTimeoutMs`. The event is then handled again, perhaps
   * by another process: hand the signal to whatever the handler waits for, so that the two do not
   * run side by side for long.
   */
  readonly signal: AbortSignal
  /** How often this event was handed out, as far as this consumer knows: 1 for the first time. */
  readonly attempt: number
}

/**
 * Makes its signal when a handler asks for one: most do not, and it would cost more than the rest.
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
