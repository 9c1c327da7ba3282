import { openWorker } from '../load/worker.js'
import { type SentBy, sumOf } from './call-counter.js'
import type { Servers, Sold, Task } from './worker.js'

/** Application servers. */
export const WORKERS = 2

/** What all processes sold, from the first request to the last answer. */
export interface Sale {
  readonly accepted: number
  readonly refused: number
  readonly failed: number
  readonly error: string | undefined
  readonly seconds: number
  readonly sent: SentBy
}

/** The processes that sell, until {@link stop}. */
export class SellerProcesses {
  readonly #workers
  readonly #answers: ((sold: Sold) => void)[] = []

  private constructor() {
    this.#workers = Array.from({ length: WORKERS }, (_, i) =>
      openWorker<never, Sold>('partitions/worker.ts', (sold) => this.#answers[i]?.(sold)),
    )
  }

  static async open(servers: Servers): Promise<SellerProcesses> {
    const sellers = new SellerProcesses()
    await Promise.all(sellers.#workers.map(({ ready }) => ready))
    for (const { start } of sellers.#workers) start(servers)
    return sellers
  }

  /** @param callers At a time, in all processes together. */
  async sell(sale: string, first: number, count: number, callers: number): Promise<Sale> {
    const each = await Promise.all(
      this.#workers.map(({ start, result }, i) => {
        const share = (all: number) => Math.floor(((i + 1) * all) / WORKERS) - Math.floor((i * all) / WORKERS)
        const before = Math.floor((i * count) / WORKERS)
        const answer = new Promise<Sold>((settle) => {
          this.#answers[i] = settle
        })
        const task = {
          sale,
          first: first + before,
          count: share(count),
          callers: Math.max(1, share(callers)),
        }
        start(task satisfies Task)
        // A process that dies never answers.
        return Promise.race([answer, result])
      }),
    )
    const sum = (of: 'accepted' | 'refused' | 'failed') => each.reduce((all, sold) => all + sold[of], 0)
    return {
      accepted: sum('accepted'),
      refused: sum('refused'),
      failed: sum('failed'),
      error: each.find(({ error }) => error !== undefined)?.error,
      seconds: Math.max(...each.map(({ seconds }) => seconds)),
      sent: sumOf(each.map(({ sent }) => sent)),
    }
  }

  stop(): void {
    for (const { stop } of this.#workers) stop()
  }
}
