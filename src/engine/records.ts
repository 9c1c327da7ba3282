/** One line of a cart: the SKU's place in {@link Rules.skus}, and its quantity. */
export type Line = readonly [sku: number, quantity: number]

/** Lines in ascending order of SKU, each SKU once: two equal carts are equal line by line. */
export type Cart = readonly Line[]

/** One SKU of a sale, as the sale was created. */
export interface SkuRule {
  readonly sku: string
  /** Units on sale at the start. */
  readonly stock: number
  /** Units one buyer may have held and confirmed at a time; `null` without a limit. */
  readonly limit: number | null
}

/** What a sale was created with. Never changes; two `Rules` are the same if their JSON is. */
export interface Rules {
  /** In ascending order of the SKU's code units. */
  readonly skus: readonly SkuRule[]
  readonly holdMs: number
  readonly maxHoldMs: number
  readonly opensAt: number | null
  readonly closesAt: number | null
  readonly partitions: number
}

/**
 * Where a reservation is in its life. A `held` one becomes one of the others; a `confirmed` one may
 * become `refunded`.
 */
export type ReservationState = 'held' | 'confirmed' | 'released' | 'expired' | 'refunded'
/** Whether a sale takes reservations: `open` does. */
export type SaleState = 'not_started' | 'open' | 'paused' | 'ended'
/** Why a payment must be given back. */
export type RefundReason = 'sold_out' | 'released' | 'limit_exceeded' | 'ended' | 'refunded'

/** A reservation as the engine keeps it. Times in epoch ms of the server's clock. */
export interface StoredReservation {
  readonly id: string
  readonly buyer: string
  readonly cart: Cart
  readonly state: ReservationState
  readonly key: string | null
  readonly createdAt: number
  readonly expiresAt: number
  readonly paymentId: string | null
}

/** Units of SKUs by the SKU's place, in ascending order of it; what is not named is 0. */
export type Units = readonly (readonly [sku: number, units: number])[]

/**
 * `total = available + held + confirmed + inTransit`, always. Of one partition, `inTransit` is what
 * it has sent to others less what it has received from them, negative where more came than went;
 * and `total` is negative where more that had come was taken out of the sale than the partition
 * began with. The other counts never are, nor are the sums of these two over all partitions: the
 * sum of `inTransit` is what has left one partition and not arrived in another.
 */
export interface SkuCounts {
  readonly total: number
  readonly available: number
  readonly held: number
  readonly confirmed: number
  readonly inTransit: number
}

/**
 * A change, in the order in which the partition made it. `sequence` counts events from 1 without a
 * gap.
 */
export type StoredEvent = { readonly sequence: number; readonly at: number } & (
  | { readonly type: 'reserved' | 'extended'; readonly id: string; readonly expiresAt: number }
  | { readonly type: 'confirmed' | 'released' | 'expired'; readonly id: string }
  | { readonly type: 'refunded'; readonly id: string; readonly restock: boolean }
  | { readonly type: 'refund_due'; readonly id: string; readonly reason: RefundReason }
  | {
      readonly type: 'restocked'
      readonly sku: number
      /** What was asked for, and by which key. */
      readonly quantity: number
      readonly key: string
      readonly applied: number
    }
  | { readonly type: 'sent'; readonly to: number; readonly sku: number; readonly quantity: number }
  | { readonly type: 'received'; readonly from: number; readonly sku: number; readonly quantity: number }
  | { readonly type: 'sold_out'; readonly sku: number }
  | { readonly type: 'paused' | 'resumed' | 'ended' }
)

/** What a restock asks for; see `restock` of the commands. */
export interface RestockOp {
  readonly sku: number
  readonly quantity: number
  readonly key: string
  /** Whether fewer units than are to be taken out are taken out all the same. */
  readonly final: boolean
}

/** A page of a partition's events, in their order. */
export interface EventPage {
  readonly status: 'events'
  readonly events: readonly StoredEvent[]
  /** The generation of the partition's history. */
  readonly generation: number
  /**
   * The sequence at which this generation left the one before; 0 for the first, and after a
   * rebuild.
   */
  readonly since: number
  /** The reservations that the events speak of, each once, as they are stored now. */
  readonly reservations: readonly StoredReservation[]
}

/** A page of a partition's reservations, in no order. */
export interface ReservationPage {
  readonly status: 'scanned'
  /** Where the next page begins; '0' after the last. */
  readonly cursor: string
  readonly reservations: readonly StoredReservation[]
  /** The partition's counts after the last page, in order of the SKUs; empty before. */
  readonly skus: readonly SkuCounts[]
  /** How many events the partition had written. */
  readonly sequence: number
}
