import type { RefundReason, StoredReservation } from '../../engine/engine.js'

/** A reservation, and what only the engine knows of it. */
export interface Entry {
  /** Handed out as it is, so it is replaced and never mutated. */
  reservation: StoredReservation
  /** Its place in order of creation. */
  readonly order: number
  /** It was confirmed after its hold had expired. */
  late: boolean
  /** The `refund_due` that was answered and recorded. */
  refundDue: RefundReason | null
}
