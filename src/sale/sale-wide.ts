import type { CallOptions } from '../batching/batcher-set.js'
import { withDeadline } from '../batching/shared-wait.js'
import { sleep } from '../engine/clock.js'
import type { SaleState, SkuCounts } from '../engine/engine.js'
import { isAway, isRolledBack, unavailable } from '../errors.js'
import { changeAll } from './fan-out.js'
import type { Parts } from './partitions.js'
import { collectDebt } from './rebalancing/stock-count.js'
import type { SaleClient } from './sale-client.js'
import { mostRestrictive, readTotals, type Totals } from './totals.js'

const tuning = {
  /** After this many ms a process that moves units has delivered them or has crashed. */
  momentMs: 250,
}

/** Commands to all partitions of a sale. */
export class SaleWide {
  readonly #client: SaleClient
  /** Since when every reading has found units in transit. */
  #inTransitSince: number | undefined

  constructor(client: SaleClient) {
    this.#client = client
  }

  /**
   * State and counts. If units of a SKU are owed while others are on their way, or are available
   * since a process crashed before it had collected them, this call collects them. If all readings
   * of the last 250 ms found units in transit, a crashed process may have left them: this call
   * completes the transfers, and counts again.
   */
  async totals(call: CallOptions): Promise<Totals> {
    const totals = await this.#read(call)
    const uncollected = uncollectedIn(totals)
    const isStuck = this.#isInTransit(totals)
    if (!isStuck && uncollected.length === 0) return totals
    if (isStuck) this.#inTransitSince = undefined
    // If the deadline passes, the first reading is the result.
    return this.#collect(uncollected, call)
      .then(() => (isStuck ? this.#completeTransfers(call) : undefined))
      .then(() => this.#read(call))
      .catch((error) => {
        if (isAway(error)) return totals
        throw error
      })
  }

  /** Completes transfers that have been under way for longer than 250 ms. */
  async completeTransfers(call: () => CallOptions): Promise<void> {
    await this.totals(call())
    if (this.#inTransitSince === undefined) return
    await sleep(tuning.momentMs, this.#client.clock)
    await this.#completeTransfers(call()).catch(() => {})
  }

  /** Delivers all units that are in transit now. @throws A failure: a partition was not reached. */
  deliver(call: CallOptions): Promise<void> {
    return this.#within(this.#client.rebalancer!.deliver(), call)
  }

  /**
   * Returns the most restrictive state of the partitions. A frozen partition is paused too, and is
   * still paused when it is unfrozen.
   */
  async control(action: 'pause' | 'resume' | 'end', call: CallOptions): Promise<SaleState> {
    await this.#client.learn(call)
    const recovering = this.#client.partitions.recovering()
    return this.#client.fanOut(async (parts) => {
      const states = await changeAll(parts.count, (index) => {
        // Only an unfreeze is answered `frozen`.
        const ask = (of: Parts) =>
          of.ask(index, 'control', { action }, call, ({ status }) => status as SaleState)
        return ask(parts).catch((error) => {
          if (action === 'pause' && isRolledBack(error)) return ask(recovering)
          throw error
        })
      })
      return mostRestrictive(states)
    })
  }

  /** Brings what is owed to partition 0, which takes it. */
  #collect(skus: readonly number[], call: CallOptions): Promise<void> {
    return this.#client.fanOut(async (parts) => {
      for (const sku of skus) await collectDebt(parts, sku, call)
    })
  }

  #completeTransfers(call: CallOptions): Promise<unknown> {
    return this.#within(this.#client.rebalancer!.completeTransfers(), call)
  }

  #within<T>(work: Promise<T>, call: CallOptions): Promise<T> {
    const tooLate = () =>
      unavailable(
        'Units in transit could not be delivered in time.',
        new Error('A partition did not answer.'),
      )
    return withDeadline(work, call, this.#client.clock, tooLate)
  }

  #read(call: CallOptions): Promise<Totals> {
    return this.#client.fanOut((parts) => readTotals(parts, call))
  }

  #isInTransit({ skus }: Totals): boolean {
    if (skus.every(({ inTransit }) => inTransit === 0)) {
      this.#inTransitSince = undefined
      return false
    }
    const now = this.#client.clock.now()
    this.#inTransitSince ??= now
    return now - this.#inTransitSince >= tuning.momentMs
  }
}

function uncollectedIn({ skus }: Totals): number[] {
  const isOwed = ({ owed, available, inTransit }: SkuCounts) =>
    owed !== undefined && available + inTransit > 0
  return [...skus.keys()].filter((sku) => isOwed(skus[sku]!))
}
