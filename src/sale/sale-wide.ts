import type { CallOptions } from '../batching/batcher-set.js'
import type { SaleState } from '../engine/engine.js'
import { isAway, unavailable } from '../errors.js'
import { changeAll } from './fan-out.js'
import { withDeadline } from './rebalancing/with-deadline.js'
import type { SaleClient } from './sale-client.js'
import { mostRestrictive, readTotals, type Totals } from './totals.js'

const tuning = {
  /** Who moves units has brought them home after so long, in ms, or is dead. */
  momentMs: 250,
}

/** What is asked of, or done in, all partitions of a sale. */
export class SaleWide {
  readonly #client: SaleClient
  /** Since when each reading found units in transit. */
  #inTransitSince: number | undefined

  constructor(access: SaleClient) {
    this.#client = access
  }

  /**
   * State and counts. Units found in transit, also in the readings of the last moment, may have
   * been left behind by somebody who died: they are brought home, and counted again.
   */
  async totals(call: CallOptions): Promise<Totals> {
    const totals = await this.#read(call)
    if (!this.#isInTransit(totals)) return totals
    this.#inTransitSince = undefined
    // What was read stands, if there is no time for more.
    return this.#completeTransfers(call)
      .then(() => this.#read(call))
      .catch((error) => {
        if (isAway(error)) return totals
        throw error
      })
  }

  /** Brings home what has been in transit for longer than a moment. */
  async completeTransfers(call: () => CallOptions): Promise<void> {
    await this.totals(call())
    if (this.#inTransitSince === undefined) return
    const { clock } = this.#client
    await new Promise<void>((resolve) => void clock.after(tuning.momentMs, resolve))
    await this.#completeTransfers(call()).catch(() => {})
  }

  /** Answers the most restrictive of the partitions' states. */
  async control(action: 'pause' | 'resume' | 'end', call: CallOptions): Promise<SaleState> {
    await this.#client.learn(call)
    return this.#client.fanOut(async (parts) => {
      const states = await changeAll(parts.count, (index) =>
        parts.ask(index, 'control', { action }, call, ({ status }) => status),
      )
      return mostRestrictive(states)
    })
  }

  #completeTransfers(call: CallOptions): Promise<unknown> {
    const { clock, rebalancer } = this.#client
    const tooLate = () =>
      unavailable(
        'It took too long to bring home what is in transit.',
        new Error('Some partition did not answer.'),
      )
    return withDeadline(rebalancer!.completeTransfers(), call, clock, tooLate)
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
