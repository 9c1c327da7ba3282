import type { MoveOp } from '../../engine/engine.js'
import type { Acknowledged } from '../acknowledged-reservations.js'
import type {
  AcknowledgedCount,
  AcknowledgedPayment,
  AcknowledgedRestock,
  AcknowledgedState,
} from '../acknowledgement-cache.js'
import type { RecoverySource } from './replay.js'

/**
 * What a source knows of the SKUs that the sale has. An update that was accepted as lost may have
 * added others, which cannot be restored.
 */
export class KnownSkus implements RecoverySource {
  readonly state: RecoverySource['state']
  readonly restocks: readonly AcknowledgedRestock[]
  readonly moves: readonly MoveOp[]
  readonly counts: readonly AcknowledgedCount[]
  readonly #source: RecoverySource
  readonly #count: number
  /** How many reservations name a SKU that the sale does not have. */
  unknown = 0

  /** @param count How many SKUs the sale has. */
  constructor(source: RecoverySource, count: number) {
    this.state = source.state
    this.restocks = source.restocks.filter(({ op }) => op.sku < count)
    this.moves = source.moves.filter(({ from, to }) => Math.max(from, to) < count)
    this.counts = source.counts.filter(({ sku }) => sku < count)
    this.#source = source
    this.#count = count
  }

  /** A payment of a reservation that is unknown changes nothing. */
  furtherPayments(): AsyncIterable<readonly AcknowledgedPayment[]> {
    return this.#source.furtherPayments()
  }

  async *reservations(kind: AcknowledgedState, now: number): AsyncGenerator<readonly Acknowledged[]> {
    for await (const batch of this.#source.reservations(kind, now)) {
      const known = batch.filter(({ reservation }) => reservation.cart.at(-1)![0] < this.#count)
      this.unknown += batch.length - known.length
      yield known
    }
  }
}
