import type { RefundReason, ReservationState, SaleState, SkuCounts } from '../engine/engine.js'
import type { Ledger } from './ledger.js'

export type { RefundReason, ReservationState, SaleState, SkuCounts }

/** Units reserved for one buyer. Times are epoch ms of the server's clock. */
export interface Reservation {
  /** Opaque and URL-safe, 19 characters. */
  readonly id: string
  readonly buyer: string
  /** The buyer's household, in a sale that was created with a limit of households. */
  readonly household?: string | undefined
  /**
   * Each SKU once, in the order of the sale's SKUs. Of a confirmed order: what is left of it, if
   * parts were refunded.
   */
  readonly items: readonly Item[]
  /**
   * `held` until `expiresAt`; after that every reader sees `expired`. `transferred`: it is another
   * buyer's now, under another id.
   */
  readonly state: ReservationState
  /** The caller's idempotency key, or `null` if none was given. */
  readonly key: string | null
  readonly createdAt: number
  readonly expiresAt: number
  /** The first payment id that `confirm` was called with. */
  readonly paymentId?: string | undefined
}

/** Units of one SKU. */
export interface Item {
  readonly sku: string
  /** Units, 1 to 1,000,000,000. */
  readonly quantity: number
}

/** The result of `reserve`: the units are held, or the reason why they are not. */
export type ReserveResult =
  /**
   * The units are held for this buyer until `reservation.expiresAt`. `replayed`: an earlier request
   * with the same key made the reservation.
   */
  | { readonly status: 'reserved'; readonly reservation: Reservation; readonly replayed: boolean }
  /**
   * Too few units of `sku` are available. `mayReturn`: units of it are on hold and could become
   * available; `false` if they return to another SKU.
   */
  | {
      readonly status: 'sold_out'
      readonly sku: string
      readonly available: number
      readonly mayReturn: boolean
    }
  /**
   * The buyer has `taken` units of `sku` held and confirmed, and asked for more than `limit`
   * leaves. `reservations`: the ids of those that have these units, the latest first: at most ten,
   * among the buyer's latest 64 reservations. `skus`, for one of the sale's `limits`: those of its
   * SKUs that are in the cart or in these reservations; `taken` counts all its SKUs together.
   * `household`, for a limit of households: `taken` counts the units of all its buyers, and
   * `reservations` are those of this buyer alone.
   */
  | {
      readonly status: 'limit_exceeded'
      readonly sku: string
      readonly limit: number
      readonly taken: number
      readonly reservations: readonly string[]
      readonly skus?: readonly string[] | undefined
      readonly household?: string | undefined
    }
  /** The buyer is of another household, `household`: that of the buyer's first request. */
  | { readonly status: 'household_conflict'; readonly household: string }
  /** With `sku`: this SKU is outside its own times. */
  | { readonly status: 'not_started'; readonly opensAt: number; readonly sku?: string | undefined }
  | { readonly status: 'paused' }
  | { readonly status: 'ended'; readonly sku?: string | undefined }
  /** The key's reservation was released, expired or refunded: use a new key. */
  | { readonly status: 'key_spent'; readonly reservation: Reservation }
  /** The sale has a waiting room, and the request has no valid `pass` of it for this buyer. */
  | { readonly status: 'pass_rejected'; readonly reason: PassRefusal }

/**
 * Why a pass was rejected: the request has none; it is forged, or of another room or buyer; or it
 * has expired.
 */
export type PassRefusal = 'missing' | 'invalid' | 'expired'

/** The result of `confirm`: the payment belongs to an order, or it must be refunded. */
export type ConfirmResult =
  /**
   * The reservation is paid and final. `late`: the hold had expired, and the units were still
   * available.
   */
  | {
      readonly status: 'confirmed'
      readonly reservation: Reservation
      readonly replayed: boolean
      readonly late: boolean
    }
  /**
   * The payment must be refunded, and is never confirmed afterwards. `duplicate_payment`: another
   * payment, `reservation.paymentId`, was there first. With `refunded` this is the order's own
   * payment, and the order was refunded.
   */
  | { readonly status: 'refund_due'; readonly reservation: Reservation; readonly reason: RefundReason }
  | { readonly status: 'not_found' }

/** The result of `release`. */
export type ReleaseResult =
  | { readonly status: 'released'; readonly reservation: Reservation; readonly replayed: boolean }
  | { readonly status: 'already_confirmed' | 'expired'; readonly reservation: Reservation }
  | { readonly status: 'not_found' }

/** The result of `amend`: the hold has the cart now, or the reason why it stays as it was. */
export type AmendResult =
  | {
      readonly status: 'amended' | 'expired' | 'already_confirmed' | 'already_released'
      readonly reservation: Reservation
    }
  | { readonly status: 'not_found' }
  /**
   * Only for a cart that has more units of a SKU than the hold, as in `reserve`. The `taken` of
   * `limit_exceeded` are the buyer's units beside those of this hold.
   */
  | Extract<
      ReserveResult,
      {
        readonly status: 'sold_out' | 'limit_exceeded' | 'not_started' | 'paused' | 'ended' | 'pass_rejected'
      }
    >

/** The result of `extend`. */
export type ExtendResult =
  | {
      readonly status: 'extended' | 'expired' | 'already_confirmed' | 'already_released'
      readonly reservation: Reservation
    }
  | { readonly status: 'not_found' }

/** The result of `refund`. */
export type RefundResult =
  /**
   * `reservation.state` is `refunded`, or `confirmed` if a part of the order is left. `replayed`:
   * an earlier call refunded it.
   */
  | { readonly status: 'refunded'; readonly reservation: Reservation; readonly replayed: boolean }
  /**
   * `exceeds_order`: the order has fewer units of a SKU, or was refunded whole. `not_confirmed`:
   * there is no order.
   */
  | { readonly status: 'exceeds_order' | 'not_confirmed'; readonly reservation: Reservation }
  | { readonly status: 'not_found' }

/** The result of `transfer`: the reservation is the receiver's, or the reason why it stays. */
export type ReservationTransferResult =
  /** The reservation as the receiver has it, under its new id. */
  | { readonly status: 'transferred'; readonly reservation: Reservation; readonly replayed: boolean }
  /** `already_refunded`: the order, or a part of it, was refunded. */
  | {
      readonly status: 'expired' | 'already_released' | 'already_refunded'
      readonly reservation: Reservation
    }
  /** The receiver's units and those of the reservation together are more than the limit. */
  | Extract<ReserveResult, { readonly status: 'limit_exceeded' }>
  | { readonly status: 'not_found' }

/** The result of `restock`. */
export interface RestockResult {
  readonly status: 'restocked'
  readonly sku: string
  /** Units added, or removed (negative). A negative restock removes at most the available units. */
  readonly applied: number
  readonly replayed: boolean
}

/** The result of `setTotal`. */
export interface SetTotalResult {
  /** `superseded`: a newer count is in force, and nothing changed. */
  readonly status: 'set' | 'superseded'
  readonly sku: string
  /** By how much the call has changed the total of the sale: units added, or removed (negative). */
  readonly applied: number
  /** Units that are still to be removed: the sale takes the next ones that come back. */
  readonly owed: number
  readonly replayed: boolean
}

/** The result of `move`. */
export interface MoveResult {
  readonly status: 'moved'
  /** Units moved: at most those that were available. */
  readonly applied: number
  readonly replayed: boolean
}

/** The result of `stats` of a sale. */
export interface Stats {
  readonly state: SaleState
  /** `total = available + held + confirmed + inTransit`, for every SKU. */
  readonly skus: Readonly<Record<string, SkuCounts>>
}

/** The result of `recover`: what it has restored, and what it could not restore. */
export interface Recovery {
  /** Reservations whose state is the acknowledged one. */
  readonly restored: number
  /**
   * Reservations that could not be restored: other buyers have the units, the buyer's limit is
   * used up, the key has made another reservation since, the extension was lost and the hold has
   * expired, or another buyer has the reservation now, with its payment: a process that had not
   * heard of its transfer to this buyer has transferred it since the loss. A reservation that was
   * over is among them only if a payment of it was `refund_due`, or it was `refunded`.
   */
  readonly refused: readonly {
    readonly reservation: Reservation
    readonly reason: 'sold_out' | 'limit_exceeded' | 'replaced' | 'expired' | 'transferred'
  }[]
  /** How many acknowledged reservations this handle no longer had in memory. */
  readonly forgotten: number
  /**
   * The state of the sale after the recovery. `paused` also if it was paused before the loss, and
   * the recovery knew of that. `frozen`: it sells nothing until it is recovered again; `lost`:
   * Redis has lost it once more; `unknown`: Redis did not answer any more.
   */
  readonly state: SaleState | 'frozen' | 'lost' | 'unknown'
}

/** What `recover` takes. */
export interface RecoverOptions {
  /** `accept`, `replay`, or a ledger. */
  readonly from: 'accept' | 'replay' | Ledger
  /**
   * Whether the sale sells again afterwards. With `everywhere` it does by default if `waitFor`
   * processes have answered; with `true`, when the time is over in any case.
   * @default true
   */
  readonly unfreeze?: boolean | undefined
  /** The sale is paused before it could sell, and `resume` ends the pause. @default false */
  readonly paused?: boolean | undefined
  /** Every process that has the sale open recovers what it knows. */
  readonly everywhere?:
    | {
        /** How many processes that sell are to answer, 1 to 256. */
        readonly waitFor: number
        /** How long the call waits for them, in ms: up to an hour. */
        readonly timeoutMs: number
        /** Called each time that a process has answered. */
        readonly onProgress?: ((progress: RecoveryProgress) => void) | undefined
      }
    | undefined
}

/** How far a recovery in every process has come. */
export interface RecoveryProgress {
  readonly answered: readonly AnsweredProcess[]
  /** Processes that have, or had, the sale open, and have not answered. */
  readonly missing: readonly MissingProcess[]
  /** How many answers lack to `waitFor`. */
  readonly lacking: number
}

/** A process; `host` and `pid` are missing if it is not in the list of processes any more. */
export interface RecoveringProcess {
  /** Random: one for each engine of a process. */
  readonly id: string
  readonly host: string | undefined
  readonly pid: number | undefined
}

/** A process that has recovered what it knows. */
export interface AnsweredProcess extends RecoveringProcess {
  /**
   * It had got an answer of `reserve`, `confirm` or another change of a reservation before the
   * loss: only then it counts for `waitFor`.
   */
  readonly counts: boolean
  readonly restored: number
  /** How many reservations were refused. */
  readonly refused: number
  readonly forgotten: number
}

/** A process that has not answered. */
export interface MissingProcess extends RecoveringProcess {
  /** When it was seen last, epoch ms of the server. */
  readonly seenAt: number
  /** It was seen in the last five seconds. */
  readonly isPresent: boolean
  /** Why it could not recover yet, if it has tried: it tries again. */
  readonly error: string | undefined
}

/**
 * The result of `recover` with `everywhere`. The counts are those of all processes together: a
 * reservation that two of them know counts twice.
 */
export interface RecoveryEverywhere extends Recovery {
  readonly processes: RecoveryProgress & {
    /** The sale sells again. */
    readonly resumed: boolean
    /** Another call had asked for the same recovery, and this one has waited for that. */
    readonly joined: boolean
  }
}

/** A rule that the audit found broken. */
export interface Violation {
  /**
   * Which rule is broken. `conservation`: the counts do not add up. `recount`: they differ from the
   * recount. `negative`: a count is negative. `limit`: a buyer is over the limit. `home`: a
   * reservation is not in the buyer's partition. `transfer`: a partition has received units that no
   * other partition has sent.
   */
  readonly rule: 'conservation' | 'recount' | 'negative' | 'limit' | 'home' | 'transfer'
  readonly message: string
}

/** The result of `audit`. */
export interface Audit {
  /** Whether the audit found no violation. */
  readonly ok: boolean
  readonly skus: Readonly<Record<string, SkuCounts>>
  /** How many reservations the audit recounted, including the ended ones. */
  readonly reservations: number
  readonly violations: readonly Violation[]
}

/**
 * The result of `destroy`.
 *
 * - `destroyed`: nothing of the sale is left in the engine. The same call again gives the same.
 * - `not_ended`: the sale has not ended. Nothing was removed.
 * - `in_use`: units are held, or a consumer group has not processed all events. Nothing was
 *   removed.
 */
export interface DestroyResult {
  readonly status: 'destroyed' | 'not_ended' | 'in_use'
}
