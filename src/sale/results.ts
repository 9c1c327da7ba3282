import type { RefundReason, ReservationState, SaleState, SkuCounts } from '../engine/engine.js'

export type { RefundReason, ReservationState, SaleState, SkuCounts }

/** A promise of units to one buyer. Times in epoch ms of the server's clock. */
export interface Reservation {
  /** Opaque and URL-safe, 19 characters. */
  readonly id: string
  readonly buyer: string
  /** Each SKU once, in the order of the sale's SKUs. */
  readonly items: readonly Item[]
  /** `held` until `expiresAt`; a hold past it is `expired`, whoever looks. */
  readonly state: ReservationState
  /** The caller's idempotency key, or `null` if none was given. */
  readonly key: string | null
  readonly createdAt: number
  readonly expiresAt: number
  /** What `confirm` was given first. */
  readonly paymentId?: string | undefined
}

/** Units of one SKU. */
export interface Item {
  readonly sku: string
  /** Units, 1 to 1,000,000,000. */
  readonly quantity: number
}

/** What `reserve` answers: the units are held, or why they are not. */
export type ReserveResult =
  /**
   * The units are this buyer's until `reservation.expiresAt`. `replayed`: by an earlier request
   * with the same key.
   */
  | { readonly status: 'reserved'; readonly reservation: Reservation; readonly replayed: boolean }
  /** Too few units of `sku`. `mayReturn`: units of it are on hold and could come back. */
  | {
      readonly status: 'sold_out'
      readonly sku: string
      readonly available: number
      readonly mayReturn: boolean
    }
  /**
   * The buyer has `taken` units of `sku` held and confirmed, of `limit`, and asked for more than
   * the rest.
   */
  | {
      readonly status: 'limit_exceeded'
      readonly sku: string
      readonly limit: number
      readonly taken: number
    }
  | { readonly status: 'not_started'; readonly opensAt: number }
  | { readonly status: 'paused' }
  | { readonly status: 'ended' }
  /** The key's reservation was released, expired or refunded: use a new key. */
  | { readonly status: 'key_spent'; readonly reservation: Reservation }
  /**
   * The sale has a waiting room, and the `pass` is not one of it for this buyer, or not any more.
   */
  | { readonly status: 'pass_rejected'; readonly reason: PassRefusal }

/**
 * Why a pass was rejected: none was given; it is forged, of another room or another buyer; or its
 * time is over.
 */
export type PassRefusal = 'missing' | 'invalid' | 'expired'

/** What `confirm` answers: the payment is part of an order, or it must be given back. */
export type ConfirmResult =
  /** Paid for and final. `late`: the hold had expired, and the units were still there. */
  | {
      readonly status: 'confirmed'
      readonly reservation: Reservation
      readonly replayed: boolean
      readonly late: boolean
    }
  /** The payment must be given back; never confirmed afterwards. */
  | { readonly status: 'refund_due'; readonly reservation: Reservation; readonly reason: RefundReason }
  | { readonly status: 'not_found' }

/** What `release` answers. */
export type ReleaseResult =
  | { readonly status: 'released'; readonly reservation: Reservation; readonly replayed: boolean }
  | { readonly status: 'already_confirmed' | 'expired'; readonly reservation: Reservation }
  | { readonly status: 'not_found' }

/** What `extend` answers. */
export type ExtendResult =
  | {
      readonly status: 'extended' | 'expired' | 'already_confirmed' | 'already_released'
      readonly reservation: Reservation
    }
  | { readonly status: 'not_found' }

/** What `refund` answers. */
export type RefundResult =
  | { readonly status: 'refunded'; readonly reservation: Reservation; readonly replayed: boolean }
  | { readonly status: 'not_confirmed'; readonly reservation: Reservation }
  | { readonly status: 'not_found' }

/** What `restock` answers. */
export interface RestockResult {
  readonly status: 'restocked'
  readonly sku: string
  /**
   * Units added, or taken out (negative): a negative restock takes what is available and no more.
   */
  readonly applied: number
  readonly replayed: boolean
}

/** What `stats` of a sale answers. */
export interface Stats {
  readonly state: SaleState
  /** `total = available + held + confirmed + inTransit`, for every SKU. */
  readonly skus: Readonly<Record<string, SkuCounts>>
}

/** What `recover` has restored, and what it could not. */
export interface Recovery {
  /** Reservations that are as they were acknowledged. */
  readonly restored: number
  /**
   * Those that cannot be: others have the units, or the buyer's limit is used up, or the key made
   * another reservation since, or its extension was forgotten and its time went by.
   */
  readonly refused: readonly {
    readonly reservation: Reservation
    readonly reason: 'sold_out' | 'limit_exceeded' | 'replaced' | 'expired'
  }[]
  /** How many acknowledged reservations this handle no longer knew of. */
  readonly forgotten: number
}

/** One rule that the audit found broken. */
export interface Violation {
  /**
   * Which rule is broken: the counts do not add up, differ from the recount, are negative; a buyer
   * is over the limit, or in a partition that is not the buyer's; a partition has received what no
   * other has sent.
   */
  readonly rule: 'conservation' | 'recount' | 'negative' | 'limit' | 'home' | 'transfer'
  readonly message: string
}

/** What `audit` found. */
export interface Audit {
  /** Whether there is no violation. */
  readonly ok: boolean
  readonly skus: Readonly<Record<string, SkuCounts>>
  /** How many reservations were recounted, ended ones included. */
  readonly reservations: number
  readonly violations: readonly Violation[]
}
