import type { CallOptions } from '../../batching/batcher-set.js'
import type { SaleClient } from '../sale-client.js'
import { readTotals } from '../totals.js'
import { destroySale } from './destroy-sale.js'

/** A sale that is asked whether its `retainMs` is over. */
export class RetainedSale {
  readonly #client: SaleClient

  constructor(client: SaleClient) {
    this.#client = client
  }

  /** Continues a removal. */
  async erase(incarnation: string, partitions: number, call: CallOptions): Promise<number> {
    await this.#client.removal!.erase(incarnation, partitions, call)
    return 0
  }

  /**
   * Removes the sale if its `retainMs` has passed since its end and since its latest change.
   *
   * @returns ms until it may be due; 0: it is due, or will be known only when it is asked again.
   */
  async removeIfDue(incarnation: string, partitions: number, call: CallOptions): Promise<number> {
    const removal = this.#client.removal!
    const first = await removal.look(0, partitions, call)
    if (first?.incarnation !== incarnation || first.state !== 'ended') return 0
    const { rules } = await this.#client.refresh(call)
    if (rules.retainMs === undefined || this.#client.partitions.incarnation !== incarnation) return 0
    // Holds that have expired since count as changes: they are swept first.
    const { state, skus } = await this.#client.fanOut((parts) => readTotals(parts, call))
    if (state !== 'ended' || skus.some(({ held }) => held > 0)) return 0
    let dueAt = 0
    for (let index = 0; index < rules.partitions; index++) {
      const found = await removal.look(index, rules.partitions, call)
      if (found?.incarnation !== incarnation) return 0
      dueAt = Math.max(dueAt, found.changedAt + rules.retainMs)
    }
    const restMs = dueAt - this.#client.serverNow(0)
    if (restMs > 0) return Math.min(restMs, 600_000)
    await destroySale(this.#client, false, call)
    return 0
  }

  close(): void {
    this.#client.close()
  }
}
