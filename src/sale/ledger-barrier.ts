import type { Limits } from '../batching/batcher-set.js'
import { StockholdError, unavailable } from '../errors.js'
import type { LedgerWriter } from './ledger.js'
import { within } from './rebalancing/with-deadline.js'
import type { SaleAccess } from './sale-client.js'

/** Answers that wait until a ledger has what they speak of. */
export class Written {
  readonly #access: SaleAccess
  readonly #ledger: LedgerWriter
  /** Answers that may wait at a time. */
  readonly #max: number
  #waiting = 0
  #isReady = false

  constructor(access: SaleAccess, ledger: LedgerWriter, maxInFlight: number) {
    this.#access = access
    this.#ledger = ledger
    this.#max = maxInFlight
  }

  /**
   * Before anything is sent: whether the ledger can be written, once, and that not too many wait for it.
   *
   * @returns `undefined` if it may be sent at once.
   */
  ready(call: Limits): Promise<void> | undefined {
    if (this.#waiting >= this.#max)
      throw new StockholdError(
        'OVERLOADED',
        `${this.#max} answers wait for the ledger (maxInFlight). Nothing was sent.`,
      )
    return this.#isReady ? undefined : this.#open(call)
  }

  async #open(call: Limits): Promise<void> {
    const tooLate = () =>
      unavailable(
        'The ledger did not answer. Nothing was sent.',
        new Error('PostgreSQL has not answered yet.'),
      )
    try {
      await within(this.#ledger.ready(), call, this.#access.timing, tooLate)
    } catch (error) {
      if (error instanceof StockholdError || call.signal?.aborted) throw error
      throw unavailable('The ledger cannot be written. Nothing was sent.', error)
    }
    this.#isReady = true
  }

  /**
   * The answer of a partition, once the ledger has everything that was written there until it came. One that tells of no change
   * waits for nothing.
   */
  acknowledge<T>(answer: T, partition: number, call: Limits): T | Promise<T> {
    const { tip } = this.#access.partitions.session(partition)
    if (tip === null || this.#ledger.has(partition, tip)) return answer
    this.#waiting++
    return this.#ledger
      .reach(partition, tip, call.deadline, call.signal)
      .then(() => answer)
      .finally(() => {
        this.#waiting--
      })
  }
}
