import type { Cart, KeyedRefund, Moved, RecordedReason, StoredReservation } from '../../engine/engine.js'

/** Where a reservation went. */
export interface Move extends Moved {
  /** Of the receiver. */
  readonly household: string | undefined
  /** Its state before. */
  readonly state: 'held' | 'confirmed'
}

/** A reservation, with the values that only the engine knows. */
export interface Entry {
  /** Returned to callers as it is, so it is replaced and never mutated. */
  reservation: StoredReservation
  /** Its index in order of creation. */
  readonly order: number
  /** It was confirmed after its hold had expired. */
  late: boolean
  /** The `refund_due` that was answered and recorded. */
  refundDue: RecordedReason | null
  /** By payment id: payments beside the reservation's own, and why each must be refunded. */
  readonly further: Map<string, RecordedReason>
  /** The id of the record before it that has such payments. */
  earlier: string | null
  /** Once it has departed. */
  moved?: Move | undefined
  /** By key. */
  readonly refunds: Map<string, KeyedRefund>
  /** The units of all parts under these keys. */
  refundedParts: Cart
}
