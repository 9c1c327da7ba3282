import type { Retry } from './port.js'
import type {
  Cart,
  CartChanges,
  KeyedRefund,
  Moved,
  RecordedReason,
  RefundReason,
  StoredReservation,
  TransferOrigin,
  Units,
} from './records.js'

/** Why a buyer may take no units, whatever is available. */
export type Refusal =
  /** `sku`: it is outside its own times; missing: the sale is. */
  | { readonly status: 'ended'; readonly sku?: number | undefined }
  | { readonly status: 'paused' }
  | { readonly status: 'not_started'; readonly opensAt: number; readonly sku?: number | undefined }
  | {
      readonly status: 'limit_exceeded'
      readonly sku: number
      readonly limit: number
      readonly taken: number
      readonly reservations: readonly string[]
      /** Missing if the limit is one of `sku` alone. */
      readonly shared?: readonly number[] | undefined
      /** The household whose units count; missing if the buyer's do. */
      readonly household?: string | undefined
    }

/**
 * The commands of reservations; what all commands share is in `sale.ts`. A reservation that was
 * transferred is {@link Moved}.
 */
export interface ReservationCommands {
  /**
   * Records that a buyer is of a household, once: event `bound`. Answers the buyer's household,
   * also if it is another one; `null` if there is none. `id` is any id of the buyer's own
   * partition, which follows from the buyer alone. Without a `household` nothing changes.
   */
  bind: {
    op: { readonly id: string; readonly buyer: string; readonly household: string | null }
    answer: { readonly status: 'bound'; readonly household: string | null } | Retry
  }

  /**
   * All reservations of a buyer have ids of the same bucket. So have all of a household: those of
   * its buyers are there, and not in the buyers' own buckets.
   *
   * In this order:
   * 1. `id` exists: the same request was sent twice. `reserved` with the reservation as it is,
   *    `replayed: false`.
   * 2. The buyer has a reservation with this `key`: if its first cart was another, `conflict` with
   *    its id; held or confirmed is `reserved` with `replayed: true`; any other state is
   *    `key_spent`.
   * 3. After the deadline: `retry`.
   * 4. A `holdMs` above the present `maxHoldMs`: `hold_too_long`.
   * 5. `ended` (by command or `now >= closesAt`), `not_started` (`now < opensAt`), `paused`. Then
   *    `ended` or `not_started` with `sku` for the first SKU of the cart that is outside its own
   *    times. Then, with `pass: false`, `needs_pass` if any SKU of the cart is not `always`.
   * 6. For the first SKU of the cart whose limit the buyer's held and confirmed units and the cart
   *    together exceed: `limit_exceeded`; `taken` are the units the buyer has. `reservations` are
   *    the ids of those that have units of it, the latest first: at most `NAMED`, among the latest
   *    `LOOKED_AT` reservations of the buyer, see `carts.ts`. Then the same for the first of the
   *    `limits` over several SKUs that the buyer's units and the cart's of all its SKUs together
   *    exceed: `sku` is its first SKU in the cart, and `shared` are those of its SKUs that the cart
   *    or one of the `reservations` has. Then both again for the limits of households and the units
   *    of all buyers of the `household`, if the item has one: then the answer names it, and the
   *    `reservations` are still those of the buyer alone.
   * 7. For the first SKU of the cart with fewer units available than requested: `sold_out`;
   *    `mayReturn` while any unit of it is held, and none returns to another SKU.
   * 8. Units go from `available` to `held`; event `reserved`; `expiresAt = now + holdMs`. (A call
   *    with `bypassFreeze` may pass `createdAt`, and `expiresAt` in place of `holdMs`: a hold that
   *    is over by then expires before any command looks at it. And it may pass `changes`, if
   *    `cart` is not the first cart, and `earlier`, the id of a record that was transferred to this
   *    one; it is noted in step 1 too. And, with `key: null`, the reservation's `origin`.)
   */
  reserve: {
    op: {
      readonly id: string
      readonly buyer: string
      readonly household?: string | undefined
      readonly cart: Cart
      readonly key: string | null
      /** `null`: the present `holdMs` of the sale. */
      readonly holdMs: number | null
      readonly createdAt?: number | undefined
      readonly expiresAt?: number | undefined
      readonly changes?: CartChanges | undefined
      readonly earlier?: string | undefined
      readonly origin?: TransferOrigin | undefined
      /** `false`: the waiting room has not admitted the buyer. */
      readonly pass?: boolean | undefined
    }
    answer:
      | { readonly status: 'needs_pass' }
      | { readonly status: 'reserved'; readonly reservation: StoredReservation; readonly replayed: boolean }
      | { readonly status: 'key_spent'; readonly reservation: StoredReservation }
      | { readonly status: 'conflict'; readonly id: string }
      | { readonly status: 'hold_too_long'; readonly maxHoldMs: number }
      | Refusal
      | {
          readonly status: 'sold_out'
          readonly sku: number
          readonly available: number
          readonly mayReturn: boolean
        }
      | Moved
      | Retry
  }

  /**
   * Gives a hold another cart: what is dropped is free at once, what is added is taken.
   *
   * In this order:
   * 1. No such id, or a `buyer` that is not the reservation's own: `not_found`. Released:
   *    `already_released`; expired: `expired`; confirmed or refunded: `already_confirmed`.
   * 2. It is the present cart: `amended`; nothing changes.
   * 3. After the deadline: `retry`.
   * 4. If the cart has more units of any SKU than the present one: unless `mayTake`, `takes` if any
   *    of these SKUs is not `always`; then `ended`, `not_started` or `paused`, as in `reserve`, of
   *    these SKUs.
   * 5. For the first SKU of the cart that has more units than in the present cart, and whose limit
   *    the buyer's other held and confirmed units and the cart together exceed: `limit_exceeded`;
   *    `taken` are these other units, and `reservations` the other reservations that have them.
   *    Then the same for the first of the `limits` over several SKUs of which the cart has more
   *    units together than the present cart; `sku` is its first SKU that has more.
   * 6. For the first SKU of the cart with fewer units available than the cart has more: `sold_out`;
   *    `wants` are all units that the cart has more.
   * 7. Units go from `held` to `available` and from `available` to `held`; event `amended`. The
   *    reservation's `changes` has its first cart, and counts one more. `expiresAt` stays.
   *
   * A call with `bypassFreeze` may pass `count`, the number of the change. Then a reservation whose
   * cart was changed as often, or more often, stays as it is: `amended`. A released or expired
   * reservation gets the cart too, and no units move.
   */
  amend: {
    op: {
      readonly id: string
      readonly buyer: string | null
      readonly cart: Cart
      readonly mayTake: boolean
      readonly count: number | null
    }
    answer:
      | {
          readonly status: 'amended' | 'expired' | 'already_confirmed' | 'already_released'
          readonly reservation: StoredReservation
        }
      | { readonly status: 'takes'; readonly reservation: StoredReservation }
      | { readonly status: 'not_found' }
      | Refusal
      | {
          readonly status: 'sold_out'
          readonly sku: number
          readonly available: number
          readonly mayReturn: boolean
          readonly wants: Units
        }
      | Moved
      | Retry
  }

  /**
   * The first payment that is reported of a reservation is its own; another `paymentId` is a
   * further payment.
   *
   * - No such id, or a `buyer` that is not the reservation's own: `not_found`.
   * - A further payment that was recorded before: `refund_due` with the same reason again.
   * - A further payment of an order that has an `earlier` record with further payments, unless
   *   `told` or `bypassFreeze`: `earlier` with the id of that record. The caller asks there, and
   *   then by `earlier` of each answer: the records do not change any more. If none of them was
   *   told of the payment, the caller asks here again with `told`.
   * - held: units go from `held` to `confirmed`, `paymentId` is stored, event `confirmed`; `late:
   *   false`.
   * - confirmed: `confirmed` with `replayed: true` and the `late` of the first answer. Nothing
   *   changes. A further payment is `refund_due` with `duplicate_payment`.
   * - refunded: `refund_due` with `refunded`. Nothing changes. A further payment is `refund_due`
   *   with `duplicate_payment`.
   * - released or expired, and `refund_due` was answered before: the same reason again, also to a
   *   further payment.
   * - In these three states, if the own payment was reported without an id, the first id is its id,
   *   and it is stored; event `paid`.
   * - released: `refund_due` with `released`.
   * - expired: in this order: sale ended: `ended`; buyer's held and confirmed units with the cart
   *   over a limit: `limit_exceeded`; units lacking: `sold_out`, or, unless `final`, `lacking` with
   *   the first SKU of the cart that lacks units: other partitions may have some, and nothing
   *   changed; otherwise the units go from `available` to `confirmed`, event `confirmed`, `late:
   *   true`. With `final`, a SKU that lacks units takes them from the one that it `returnsTo`, if
   *   that has more than the cart itself takes there: they become units of this SKU, event
   *   `redirected`, before `confirmed`.
   * - The first `refund_due` for a released or expired reservation is recorded, with its reason and
   *   `paymentId`, by the event `refund_due`; the state stays. The first `refund_due` for a further
   *   payment is recorded too, by its own event; the state stays.
   *
   * `told`: the payment is, or was told, `refund_due` for this reason. It is recorded, as the
   * reservation's own if that has none (except with `duplicate_payment`), and the state becomes
   * `released` for `released` and `expired` otherwise; nothing is confirmed. A hold is `not_found`.
   * A reservation that was transferred records it only in a call with `bypassFreeze`.
   *
   * A call with `bypassFreeze` may pass `expiresAt`: a hold that it confirms gets it.
   */
  confirm: {
    op: {
      readonly id: string
      readonly buyer: string | null
      readonly paymentId: string | null
      readonly final: boolean
      readonly told?: RecordedReason | undefined
      readonly expiresAt?: number | undefined
    }
    answer:
      | {
          readonly status: 'confirmed'
          readonly reservation: StoredReservation
          readonly replayed: boolean
          readonly late: boolean
        }
      | {
          readonly status: 'refund_due'
          readonly reservation: StoredReservation
          readonly reason: RefundReason
        }
      | { readonly status: 'lacking'; readonly sku: number; readonly available: number }
      | { readonly status: 'earlier'; readonly id: string }
      | { readonly status: 'not_found' }
      /**
       * `told`: the payment was told `refund_due` before the transfer. `earlier`: an earlier record
       * of the reservation with further payments.
       */
      | (Moved & { readonly told?: RecordedReason | undefined; readonly earlier?: string | undefined })
      | Retry
  }

  /**
   * held: `released`, event `released`. Again: `released` with `replayed: true`. Confirmed or
   * refunded: `already_confirmed`. A call with `bypassFreeze` may pass `expiresAt`, as in
   * `confirm`.
   */
  release: {
    op: {
      readonly id: string
      readonly buyer: string | null
      readonly expiresAt?: number | undefined
    }
    answer:
      | { readonly status: 'released'; readonly reservation: StoredReservation; readonly replayed: boolean }
      | { readonly status: 'already_confirmed' | 'expired'; readonly reservation: StoredReservation }
      | { readonly status: 'not_found' }
      | Moved
      | Retry
  }

  /**
   * held: `expiresAt` becomes the greater of itself and `min(now + holdMs, createdAt + maxHoldMs)`;
   * event `extended` if that changed it. Confirmed or refunded: `already_confirmed`. A call with
   * `bypassFreeze` may pass the `expiresAt` in place of `now + holdMs`.
   */
  extend: {
    op: { readonly id: string; readonly holdMs: number; readonly expiresAt?: number | undefined }
    answer:
      | {
          readonly status: 'extended' | 'expired' | 'already_confirmed' | 'already_released'
          readonly reservation: StoredReservation
        }
      | { readonly status: 'not_found' }
      | Moved
      | Retry
  }

  /**
   * Takes back an order, as far as it was not refunded before, or a part of it, `cart`. `key` names
   * the call within the order; a `cart` has one.
   *
   * In this order:
   * 1. No such id: `not_found`.
   * 2. The key again: with another `cart` or `restock` `conflict`, otherwise `refunded` with
   *    `replayed: true`.
   * 3. refunded: without a `cart` `refunded` with `replayed: true`, with one `exceeds_order`. Any
   *    other state than confirmed: `not_confirmed`.
   * 4. The cart has more units of a SKU than the order: `exceeds_order`.
   * 5. After the deadline: `retry`.
   * 6. With `restock` the units go to `available`, without it they leave the sale (`confirmed` and
   *    `total` shrink); the key is remembered; event `refunded`. If nothing is left, the order is
   *    `refunded`, and its cart stays. Otherwise it stays confirmed, and what is left is its cart:
   *    the reservation's `changes` has its first cart and the `ordered` one, and counts one more.
   *
   * A call with `bypassFreeze` takes only the units that the order still has, also in steps 3 and
   * 4. And not those of the cart that were refunded before under a key that was lost: units of the
   * `ordered` cart that neither the present cart nor a part under a remembered key has. If it takes
   * none, the key is remembered, and `replayed` is true.
   */
  refund: {
    op: Omit<KeyedRefund, 'key'> & { readonly key?: string | undefined }
    answer:
      | { readonly status: 'refunded'; readonly reservation: StoredReservation; readonly replayed: boolean }
      | { readonly status: 'exceeds_order' | 'not_confirmed'; readonly reservation: StoredReservation }
      | { readonly status: 'conflict' }
      | { readonly status: 'not_found' }
      | Moved
      | Retry
  }

  /**
   * A page of the buyer's reservations as they are at `now`, the latest first: those made before
   * the reservation `after`, or all. At least one if there is one, at most `most`, and fewer if
   * they are large; after the last there is an empty page. `not_found`: the buyer has no
   * reservation `after`. `id` is any id of the buyer's bucket, or of the household's. `household`
   * is that which `bind` has recorded in this partition. Writes nothing.
   */
  list: {
    op: {
      readonly id: string
      readonly buyer: string
      readonly after: string | null
      readonly most: number
    }
    answer:
      | {
          readonly status: 'listed'
          readonly reservations: readonly StoredReservation[]
          readonly household?: string | undefined
        }
      | { readonly status: 'not_found' }
  }

  /** The reservation as it is at `now` (an expired hold is `expired`). Writes nothing. */
  get: {
    op: { readonly id: string }
    answer:
      | {
          readonly status: 'found'
          readonly reservation: StoredReservation
          /** If it was transferred: where it is. */
          readonly moved?: Moved | undefined
        }
      | { readonly status: 'not_found' }
  }
}
