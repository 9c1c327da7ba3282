import { performance } from 'node:perf_hooks'

/** Over the last seconds, so that the rate follows changes without jumping. */
const WINDOW_MS = 5_000

/** A rate over the last seconds. */
export class Rate {
  #samples: { readonly at: number; readonly done: number }[] = []

  restart(): void {
    this.#samples = []
  }

  sample(done: number, now = performance.now()): void {
    this.#samples.push({ at: now, done })
    while (this.#samples.length > 2 && this.#samples[1]!.at < now - WINDOW_MS) this.#samples.shift()
  }

  /** `undefined` until there are enough samples. */
  perSecond(): number | undefined {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)]
    if (first === undefined || last === undefined || last.at - first.at < 400) return undefined
    return ((last.done - first.done) / (last.at - first.at)) * 1_000
  }
}
