/**
 * What a value was some while ago: two samples, of which `older` is at least `span` old as soon as
 * there was time for that.
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

  /** Forgets what was. */
  restart(at: number, values: T): void {
    this.#older = { at, values }
    this.#newer = this.#older
  }
}
