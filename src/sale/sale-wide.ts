import type { Limits } from '../batching/batcher-set.js'
import type { SaleState } from '../engine/engine.js'
import { isAway, unavailable } from '../errors.js'
import { changeEvery } from './fan-out.js'
import { within } from './rebalancing/with-deadline.js'
import type { SaleAccess } from './sale-client.js'
import { mostRestrictive, readTotals, type Totals } from './totals.js'

const tuning = {
  /** Who moves units has brought them home after so long, in ms, or is dead. */
  momentMs: 250,
}

/** What is asked of, or done in, all partitions of a sale. */
export class WholeSale {
  readonly #access: SaleAccess
  /** Since when each reading found units in transit. */
  #inTransitSince: number | undefined

  constructor(access: SaleAccess) {
    this.#access = access
  }

  /**
   * State and counts. Units found in transit, also in the readings of the last moment, may have been left behind by somebody who died:
   * they are brought home, and counted again.
   */
  async totals(call: Limits): Promise<Totals> {
    const totals = await this.#read(call)
    if (!this.#isInTransit(totals)) return totals
    this.#inTransitSince = undefined
    // What was read stands, if there is no time for more.
    return this.#driveOn(call)
      .then(() => this.#read(call))
      .catch((error) => {
        if (isAway(error)) return totals
        throw error
      })
  }

  /** Brings home what has been in transit for longer than a moment. */
  async settle(call: () => Limits): Promise<void> {
    await this.totals(call())
    if (this.#inTransitSince === undefined) return
    const { timing } = this.#access
    await new Promise<void>((resolve) => void timing.after(tuning.momentMs, resolve))
    await this.#driveOn(call()).catch(() => {})
  }

  /** Answers the most restrictive of the partitions' states. */
  control(action: 'pause' | 'resume' | 'end', call: Limits): Promise<SaleState> {
    return this.#access.whole(async (parts) => {
      const states = await changeEvery(parts.count, (index) =>
        parts.ask(index, 'control', { action }, call, ({ status }) => status),
      )
      return mostRestrictive(states)
    })
  }

  #driveOn(call: Limits): Promise<unknown> {
    const { timing, supply } = this.#access
    const tooLate = () =>
      unavailable(
        'It took too long to bring home what is in transit.',
        new Error('Some partition did not answer.'),
      )
    return within(supply!.driveOn(), call, timing, tooLate)
  }

  #read(call: Limits): Promise<Totals> {
    return this.#access.whole((parts) => readTotals(parts, call))
  }

  #isInTransit({ skus }: Totals): boolean {
    if (skus.every(({ inTransit }) => inTransit === 0)) {
      this.#inTransitSince = undefined
      return false
    }
    const now = this.#access.timing.now()
    this.#inTransitSince ??= now
    return now - this.#inTransitSince >= tuning.momentMs
  }
}
