import type { CallOptions } from '../batching/batcher-set.js'
import { withDeadline } from '../batching/shared-wait.js'
import { StockholdError, unavailable } from '../errors.js'
import type { LedgerWriter } from './ledger.js'
import type { SaleClient } from './sale-client.js'

/** Delays answers until the ledger has written the changes they report. */
export class LedgerBarrier {
  readonly #client: SaleClient
  readonly #ledger: LedgerWriter
  /** How many answers may wait at a time. */
  readonly #max: number
  #waiting = 0
  #isReady = false

  constructor(client: SaleClient, ledger: LedgerWriter, maxInFlight: number) {
    this.#client = client
    this.#ledger = ledger
    this.#max = maxInFlight
  }

  /**
   * Called before anything is sent: checks that not too many answers wait, and, until it has
   * succeeded once, that the ledger can be written.
   *
   * @returns `undefined` if the call may send at once.
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
   * Returns a partition's answer once the ledger has everything that the partition had written
   * before the answer arrived. If the ledger already has it, there is no wait.
   */
  acknowledge<T>(answer: T, partition: number, call: CallOptions): T | Promise<T> {
    const { lastSeen } = this.#client.partitions.session(partition).history
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
