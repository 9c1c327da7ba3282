/**
 * The past value of a variable: two samples, of which `older` is at least `span` old as soon as
 * that much time has passed.
 */
export class RateSamples<T> {
  readonly #span: number
  #older: { readonly at: number; readonly values: T }
  #newer: { readonly at: number; readonly values: T }

  constructor(span: number, at: number, values: T) {
    this.#span = span
    this.#older = { at, values }
    this.#newer = this.#older
  }

  get older(): { readonly at: number; readonly values: T } {
    return this.#older
  }

  take(at: number, values: T): void {
    if (at - this.#newer.at < this.#span) return
    this.#older = this.#newer
    this.#newer = { at, values }
  }

  /** Restarts with the present values. */
  restart(at: number, values: T): void {
    this.#older = { at, values }
    this.#newer = this.#older
  }
}
