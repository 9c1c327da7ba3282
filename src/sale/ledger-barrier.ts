import type { CallOptions } from '../batching/batcher-set.js'
import { StockholdError, unavailable } from '../errors.js'
import type { LedgerWriter } from './ledger.js'
import { withDeadline } from './rebalancing/with-deadline.js'
import type { SaleClient } from './sale-client.js'

/** Answers that wait until a ledger has what they speak of. */
export class LedgerBarrier {
  readonly #client: SaleClient
  readonly #ledger: LedgerWriter
  /** Answers that may wait at a time. */
  readonly #max: number
  #waiting = 0
  #isReady = false

  constructor(access: SaleClient, ledger: LedgerWriter, maxInFlight: number) {
    this.#client = access
    this.#ledger = ledger
    this.#max = maxInFlight
  }

  /**
   * Before anything is sent: whether the ledger can be written, once, and that not too many wait
   * for it.
   *
   * @returns `undefined` if it may be sent at once.
   */
  ready(call: CallOptions): Promise<void> | undefined {
    if (this.#waiting >= this.#max)
      throw new StockholdError(
        'OVERLOADED',
        `${this.#max} answers wait for the ledger (maxInFlight). Nothing was sent.`,
      )
    return this.#isReady ? undefined : this.#open(call)
  }

  async #open(call: CallOptions): Promise<void> {
    const tooLate = () =>
      unavailable(
        'The ledger did not answer. Nothing was sent.',
        new Error('PostgreSQL has not answered yet.'),
      )
    try {
      await withDeadline(this.#ledger.ready(), call, this.#client.clock, tooLate)
    } catch (error) {
      if (error instanceof StockholdError || call.signal?.aborted) throw error
      throw unavailable('The ledger cannot be written. Nothing was sent.', error)
    }
    this.#isReady = true
  }

  /**
   * The answer of a partition, once the ledger has everything that was written there until it came.
   * One that tells of no change waits for nothing.
   */
  acknowledge<T>(answer: T, partition: number, call: CallOptions): T | Promise<T> {
    const { lastSeen } = this.#client.partitions.session(partition)
    if (lastSeen === null || this.#ledger.hasWritten(partition, lastSeen)) return answer
    this.#waiting++
    return this.#ledger
      .waitUntilWritten(partition, lastSeen, call.deadline, call.signal)
      .then(() => answer)
      .finally(() => {
        this.#waiting--
      })
  }
}
