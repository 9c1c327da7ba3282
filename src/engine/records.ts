import type { RulesChanges } from './rules.js'

/** One line of a cart: the index of the SKU in the sale's rules, and its quantity. */
export type Line = readonly [sku: number, quantity: number]

/**
 * Lines in ascending order of SKU, each SKU once: two equal carts have equal lines in the same
 * order.
 */
export type Cart = readonly Line[]

/**
 * The state of a reservation. A `held` one becomes one of the others; a `confirmed` one may become
 * `refunded`. `transferred`: it was given to another buyer, under another id.
 */
export type ReservationState = 'held' | 'confirmed' | 'released' | 'expired' | 'refunded' | 'transferred'
/** A sale takes reservations only while it is `open`. */
export type SaleState = 'not_started' | 'open' | 'paused' | 'ended'
/** Why a payment must be refunded. */
export type RefundReason =
  | 'sold_out'
  | 'released'
  | 'limit_exceeded'
  | 'ended'
  | 'refunded'
  | 'duplicate_payment'
/** The reasons that are recorded. `refunded` is not: it follows from the reservation's state. */
export type RecordedReason = Exclude<RefundReason, 'refunded'>

/** Where a changed cart comes from. */
export interface CartChanges {
  /** The cart of the request that made the reservation: keys are compared with it. */
  readonly first: Cart
  /** How often the cart was changed. */
  readonly count: number
  /** Once a part of the order was refunded: the cart before the first part. */
  readonly ordered?: ChangedCart | undefined
}

/** The cart of a reservation right after an event. */
export interface ChangedCart {
  readonly cart: Cart
  /** How often the cart had been changed. */
  readonly count: number
}

/** Where a record comes from that was made by a transfer. */
export interface TransferOrigin {
  /** The first id of the reservation. All records with this origin are one reservation. */
  readonly id: string
  /** How often the reservation was transferred, this time included. */
  readonly transfers: number
  /** When it was, epoch ms of the server's clock; later than the transfer before. */
  readonly at: number
}

/** A reservation as the engine stores it. Times in epoch ms of the server's clock. */
export interface StoredReservation {
  readonly id: string
  readonly buyer: string
  /** The buyer's household; missing if none was named. */
  readonly household?: string | undefined
  readonly cart: Cart
  readonly state: ReservationState
  readonly key: string | null
  readonly createdAt: number
  readonly expiresAt: number
  readonly paymentId: string | null
  /** Missing while the cart is that of the first request. */
  readonly changes?: CartChanges | undefined
  /** Missing until it is transferred. Such a record has no key. */
  readonly origin?: TransferOrigin | undefined
}

/** The reservation was transferred, or is on its way: what it has become has another id. */
export interface Moved {
  readonly status: 'moved'
  /** Of the record that it left. */
  readonly id: string
  /** The id under which it left. */
  readonly next: string
  /** The latest id that is known. */
  readonly to: string
  /** The buyer to whom this id was transferred. */
  readonly receiver: string
  /** Whether it has arrived for certain. Otherwise the caller completes the transfer. */
  readonly settled: boolean
}

/** A payment of a reservation that is not its own one, and that was told `refund_due`. */
export interface FurtherPayment {
  /** Of the reservation. */
  readonly id: string
  readonly paymentId: string
  readonly reason: RecordedReason
}

/** A refund that was made with a key. */
export interface KeyedRefund {
  /** Of the reservation. */
  readonly id: string
  /** Names the refund within the order. */
  readonly key: string
  readonly restock: boolean
  /** The part of the order that was asked for; missing: all that was left. */
  readonly cart?: Cart | undefined
}

/** Units by SKU index, in ascending order of it; a SKU that is not listed has 0. */
export type Units = readonly (readonly [sku: number, units: number])[]

/**
 * `total = available + held + confirmed + inTransit`, always. For one partition, `inTransit` is the
 * units it has sent to others minus the units it has received from them, so it is negative if more
 * arrived than left. `total` is negative if more of the units that had arrived were taken out of
 * the sale than the partition began with. The other counts are never negative, nor are the sums of
 * these two over all partitions: the sum of `inTransit` is the units that have left one partition
 * and not arrived in another.
 */
export interface SkuCounts {
  readonly total: number
  readonly available: number
  readonly held: number
  readonly confirmed: number
  readonly inTransit: number
  /** Units that `setTotal` has not found yet; missing if there are none. Not part of the sum. */
  readonly owed?: number | undefined
}

/** The reservation of an event. */
export interface EventSubject {
  readonly id: string
  /** Its cart as of the event; missing before the first change of the cart. */
  readonly changed?: ChangedCart | undefined
}

/**
 * A change; events are in the order in which the partition made the changes. `sequence` counts
 * events from 1 without a gap.
 */
export type StoredEvent = { readonly sequence: number; readonly at: number } & (
  | (EventSubject & { readonly type: 'reserved' | 'extended'; readonly expiresAt: number })
  | (EventSubject & { readonly type: 'confirmed' | 'released' | 'expired' })
  | (EventSubject & {
      readonly type: 'refunded'
      readonly restock: boolean
      /** Of the call, if it had one. */
      readonly key?: string | undefined
      /** The units of a call for a part of the order; missing: its whole cart. */
      readonly part?: Cart | undefined
      /** With a part: nothing is left of the order. Otherwise it stays confirmed. */
      readonly isLast?: true | undefined
    })
  | (EventSubject & {
      readonly type: 'refund_due'
      readonly reason: RecordedReason
      /** The payment, if it is not the reservation's own; the state did not change then. */
      readonly further?: { readonly paymentId: string; readonly state: ReservationState } | undefined
    })
  /** The id of the reservation's own payment, which was first reported without one. */
  | (EventSubject & { readonly type: 'paid'; readonly state: ReservationState })
  /** `before`: the cart before the change. */
  | (EventSubject & { readonly type: 'amended'; readonly before: Cart; readonly changed: ChangedCart })
  /** It has left for the record `to`; `settled` there, or `returned` as it was. */
  | (EventSubject & { readonly type: 'departed'; readonly to: string })
  | (EventSubject & { readonly type: 'settled' })
  | (EventSubject & {
      readonly type: 'returned'
      readonly state: 'held' | 'confirmed'
      readonly expiresAt: number
    })
  /** It was the reservation `from` of the buyer `sender`; `state` and `expiresAt` as of then. */
  | (EventSubject & {
      readonly type: 'transferred'
      readonly from: string
      readonly sender: string
      readonly state: 'held' | 'confirmed'
      readonly expiresAt: number
    })
  /** From now on the buyer is of this household. */
  | { readonly type: 'bound'; readonly buyer: string; readonly household: string }
  | {
      readonly type: 'restocked'
      readonly sku: number
      /** The quantity and the key of the restock call. */
      readonly quantity: number
      readonly key: string
      readonly applied: number
    }
  | {
      readonly type: 'moved'
      readonly sku: number
      readonly to: number
      /** The quantity and the key of the call. */
      readonly quantity: number
      readonly key: string
      readonly applied: number
    }
  /** The target of a SKU, `total - owed`, has changed. */
  | { readonly type: 'counted'; readonly sku: number; readonly change: number }
  | {
      readonly type: 'total_set'
      readonly sku: number
      readonly total: number
      readonly key: string
      readonly countedAt: number
      readonly change: number
      readonly applied: number
      readonly owed: number
    }
  /** Units that came back have left the sale; or will be passed on to partition 0. */
  | { readonly type: 'debt_taken' | 'withheld'; readonly sku: number; readonly quantity: number }
  /**
   * Units became units of the SKU `to`: they came back, and then no `sold_out` follows; or a late
   * payment took them from there.
   */
  | { readonly type: 'redirected'; readonly sku: number; readonly to: number; readonly quantity: number }
  | { readonly type: 'sent'; readonly to: number; readonly sku: number; readonly quantity: number }
  | { readonly type: 'received'; readonly from: number; readonly sku: number; readonly quantity: number }
  | { readonly type: 'sold_out'; readonly sku: number }
  | { readonly type: 'paused' | 'resumed' | 'ended' }
  /** `changes` is `null` where a partition has adopted the rules of partition 0. */
  | { readonly type: 'updated'; readonly revision: number; readonly changes: RulesChanges | null }
)

/** The input of a restock; see the command `restock`. */
export interface RestockOp {
  readonly sku: number
  readonly quantity: number
  readonly key: string
  /** Take out the available units even if they are fewer than `quantity`. */
  readonly final: boolean
}

/** The input of a move between SKUs; see the command `move`. */
export interface MoveOp {
  readonly from: number
  readonly to: number
  readonly quantity: number
  readonly key: string
  /** Move the available units even if they are fewer than `quantity`. */
  readonly final: boolean
  /** `null` but in a recovery. */
  readonly atMost: number | null
}

/** The input of a stock count; see the command `setTotal`. */
export interface SetTotalOp {
  readonly sku: number
  readonly total: number
  readonly key: string
  readonly countedAt: number | null
  readonly basis: { readonly others: number; readonly own: number | null } | null
  /** Completes the count: no units are left to collect elsewhere. */
  readonly final: boolean
  /** What the count did, in a recovery; otherwise `null`. */
  readonly counted: Counted | null
}

/** What a stock count did. */
export interface Counted {
  readonly change: number
  readonly applied: number
  readonly owed: number
  readonly countedAt: number
}

/** A page of a partition's events, in order. */
export interface EventPage {
  readonly status: 'events'
  readonly events: readonly StoredEvent[]
  /** The generation of the partition's history. */
  readonly generation: number
  /**
   * The sequence at which this generation left the previous one; 0 for the first, and after a
   * rebuild.
   */
  readonly since: number
  /** The reservations that the events name, each once, as they are stored now. */
  readonly reservations: readonly StoredReservation[]
}

/** A page of a partition's reservations, in no order. */
export interface ReservationPage {
  readonly status: 'scanned'
  /** The cursor of the next page; '0' after the last. */
  readonly cursor: string
  readonly reservations: readonly StoredReservation[]
  readonly furtherPayments: readonly FurtherPayment[]
  readonly keyedRefunds: readonly KeyedRefund[]
  /** The partition's counts after the last page, in order of the SKUs; empty before. */
  readonly skus: readonly SkuCounts[]
  /** How many events the partition had written. */
  readonly sequence: number
}
