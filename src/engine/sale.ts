import type { Final, Port, Reply as ReplyOf, Retry } from './port.js'
import type {
  Cart,
  EventPage,
  RefundReason,
  ReservationPage,
  RestockOp,
  Rules,
  SaleState,
  SkuCounts,
  StoredReservation,
  Units,
} from './records.js'

/**
 * The commands of one partition of a sale. The comments here are the specification. The memory
 * engine is their simplest implementation; tests compare the Redis engine with it.
 *
 * In addition to the rules in {@link Port}, all commands share these:
 *
 * - A hold has expired when `now >= expiresAt`. Before a command looks at it, the hold becomes
 *   `expired`, its units go from `held` to `available`, and the event `expired` is written. The
 *   engine decides how many other expired holds a command sweeps; no answer may depend on it.
 * - Every change appends its event in the same step. If a change takes the last available unit of a
 *   SKU, the event `sold_out` follows it (several in order of SKU).
 * - A reservation that is given back moves its units to `available`.
 *
 * Partitions: the stock of a sale is split among its partitions, and moves between them by `send`
 * and `receive`; see `stock-split.ts`.
 *
 * History: a server can come back with older data. So each call carries its caller's `lastSeen`,
 * and each batch that writes events stores its `batchId` with them.
 *
 * - A `lastSeen` of the present generation must be part of the history: the event at its `sequence`
 *   was written by the batch with its `batchId`. (If the events up to there are trimmed, this
 *   cannot be checked.) A `lastSeen` of an earlier generation is from before a recovery, and is
 *   accepted; one of a later generation is not.
 * - If it is not accepted, the partition is frozen, and the outcome is `rolled_back`. A command
 *   that writes nothing does not freeze.
 * - `since` becomes the sequence at which the partition froze. The generation after the unfreeze
 *   counts from there: later events of the previous generation are not part of this history.
 * - While the partition is frozen, the outcome of every command that may write is `rolled_back`,
 *   except for calls with `bypassFreeze`. Their `lastSeen` is not checked, and they treat the sale
 *   as open whatever its state: `reserve` skips step 4, `confirm` ignores the sale's end.
 */
export interface Commands {
  /**
   * Creates a new partition, with its part of the stock. `exists`: it exists with the same rules.
   * `conflict`: it exists with other rules; nothing changed.
   *
   * A sale is created from its partition 0 on: first partition 0 with `complete: false`, then all
   * others under its incarnation, then partition 0 again with `complete: true`. Only partition 0
   * can have `complete: false`, and `complete: true` is never reset. So a missing partition of a
   * complete sale has been lost.
   */
  create: {
    op: { readonly rules: Rules; readonly incarnation: string; readonly complete: boolean }
    answer:
      | {
          readonly status: 'created' | 'exists' | 'conflict'
          readonly incarnation: string
          readonly complete: boolean
        }
      | Retry
  }

  /** The rules and the incarnation, a random name of this creation of the sale. Writes nothing. */
  describe: {
    op: Record<never, never>
    answer: {
      readonly status: 'described'
      readonly rules: Rules
      readonly incarnation: string
      readonly complete: boolean
    }
  }

  /**
   * Creates the partition of a lost sale again (its remaining data is deleted), with its part of
   * the stock, complete, frozen and with the given generation. An intact partition stays as it is,
   * whatever its incarnation: `exists`, with its incarnation.
   */
  rebuild: {
    op: { readonly rules: Rules; readonly incarnation: string; readonly generation: number }
    answer: { readonly status: 'rebuilt' | 'exists'; readonly incarnation: string } | Retry
  }

  /**
   * All reservations of a buyer have ids of the same bucket.
   *
   * In this order:
   * 1. `id` exists: the same request was sent twice. `reserved` with the reservation as it is,
   *    `replayed: false`.
   * 2. The buyer has a reservation with this `key`: another cart is `conflict`; held or confirmed
   *    is `reserved` with `replayed: true`; any other state is `key_spent`.
   * 3. After the deadline: `retry`.
   * 4. `ended` (by command or `now >= closesAt`), `not_started` (`now < opensAt`), `paused`.
   * 5. For the first SKU of the cart whose limit the buyer's held and confirmed units and the cart
   *    together exceed: `limit_exceeded`; `taken` are the units the buyer has.
   * 6. For the first SKU of the cart with fewer units available than requested: `sold_out`;
   *    `mayReturn` while any unit of it is held.
   * 7. Units go from `available` to `held`; event `reserved`; `expiresAt = now + holdMs`. (A call
   *    with `bypassFreeze` may pass a negative `holdMs`, for a hold that is over: it expires before
   *    any command looks at it.)
   */
  reserve: {
    op: {
      readonly id: string
      readonly buyer: string
      readonly cart: Cart
      readonly key: string | null
      readonly holdMs: number
    }
    answer:
      | { readonly status: 'reserved'; readonly reservation: StoredReservation; readonly replayed: boolean }
      | { readonly status: 'key_spent'; readonly reservation: StoredReservation }
      | { readonly status: 'conflict' }
      | { readonly status: 'ended' }
      | { readonly status: 'paused' }
      | { readonly status: 'not_started'; readonly opensAt: number }
      | {
          readonly status: 'limit_exceeded'
          readonly sku: number
          readonly limit: number
          readonly taken: number
        }
      | {
          readonly status: 'sold_out'
          readonly sku: number
          readonly available: number
          readonly mayReturn: boolean
        }
      | Retry
  }

  /**
   * - No such id, or a `buyer` that is not the reservation's own: `not_found`.
   * - held: units go from `held` to `confirmed`, `paymentId` is stored, event `confirmed`; `late:
   *   false`.
   * - confirmed: `confirmed` with `replayed: true` and the `late` of the first answer. Nothing
   *   changes, the first `paymentId` stays.
   * - refunded: `refund_due` with `refunded`. Nothing changes.
   * - released: `refund_due` with `released`.
   * - expired: if `refund_due` was answered before, the same reason again. Else, in this order:
   *   sale ended: `ended`; buyer's held and confirmed units with the cart over a limit:
   *   `limit_exceeded`; units lacking: `sold_out`, or, unless `final`, `lacking` with the first SKU
   *   of the cart that lacks units: other partitions may have some, and nothing changed; otherwise
   *   the units go from `available` to `confirmed`, event `confirmed`, `late: true`.
   * - The first `refund_due` for a released or expired reservation is recorded, with its reason and
   *   `paymentId`, by the event `refund_due`; the state stays.
   */
  confirm: {
    op: {
      readonly id: string
      readonly buyer: string | null
      readonly paymentId: string | null
      readonly final: boolean
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
      | { readonly status: 'not_found' }
      | Retry
  }

  /**
   * held: `released`, event `released`. Again: `released` with `replayed: true`. Confirmed or
   * refunded: `already_confirmed`.
   */
  release: {
    op: { readonly id: string; readonly buyer: string | null }
    answer:
      | { readonly status: 'released'; readonly reservation: StoredReservation; readonly replayed: boolean }
      | { readonly status: 'already_confirmed' | 'expired'; readonly reservation: StoredReservation }
      | { readonly status: 'not_found' }
      | Retry
  }

  /**
   * held: `expiresAt` becomes the greater of itself and `min(now + holdMs, createdAt + maxHoldMs)`;
   * event `extended` if that changed it. Confirmed or refunded: `already_confirmed`.
   */
  extend: {
    op: { readonly id: string; readonly holdMs: number }
    answer:
      | {
          readonly status: 'extended' | 'expired' | 'already_confirmed' | 'already_released'
          readonly reservation: StoredReservation
        }
      | { readonly status: 'not_found' }
      | Retry
  }

  /**
   * confirmed: `refunded`, event `refunded`; with `restock` the units go to `available`, without it
   * they leave the sale (`confirmed` and `total` shrink). Again: `replayed: true`, nothing changes.
   */
  refund: {
    op: { readonly id: string; readonly restock: boolean }
    answer:
      | { readonly status: 'refunded'; readonly reservation: StoredReservation; readonly replayed: boolean }
      | { readonly status: 'not_confirmed'; readonly reservation: StoredReservation }
      | { readonly status: 'not_found' }
      | Retry
  }

  /** The reservation as it is at `now` (an expired hold is `expired`). Writes nothing. */
  get: {
    op: { readonly id: string }
    answer:
      | { readonly status: 'found'; readonly reservation: StoredReservation }
      | { readonly status: 'not_found' }
  }

  /**
   * Adds units, or takes out up to `-quantity` available ones (`applied` is the change made,
   * negative or 0 then); `total` changes with them. Event `restocked`, also with `applied: 0`. The
   * key again: the first `applied`, `replayed: true`; with another SKU or quantity: `conflict`.
   * Unless `final`, a call that would take out more units than are available answers `lacking`, and
   * nothing changes: other partitions may have some.
   */
  restock: {
    op: RestockOp
    answer:
      | { readonly status: 'restocked'; readonly applied: number; readonly replayed: boolean }
      | { readonly status: 'lacking'; readonly sku: number; readonly available: number }
      | { readonly status: 'conflict' }
      | Retry
  }

  /**
   * Answers the state afterwards. An action that would change nothing (an ended sale stays ended)
   * writes no event. `unfreeze` ends a freeze, and the history continues as the next generation; it
   * writes no event.
   */
  control: {
    op: { readonly action: 'pause' | 'resume' | 'end' | 'unfreeze' }
    answer: { readonly status: SaleState } | Retry
  }

  /**
   * Sends units to another partition. Of each SKU in `wants` (quantities of 1 or more) that has
   * units available, `min(available, max(quantity, floor(available / 2)))` go from `available` to
   * `inTransit`: a sold-out partition gets enough for a while, and the last units go where buyers
   * ask for them. Event `sent` for each SKU with units sent, in order of SKU; `sold_out` follows it
   * if it took the last.
   *
   * `sent`: all units ever sent there of the SKUs in `wants` and `received`, where there were any;
   * `left`: the units now available of each SKU in `wants`. Both are answered even if this call
   * sent nothing. A paused or ended sale sends too.
   *
   * `received`: the units that the other partition is known to have received, of any SKUs. If that
   * is more of a SKU than was ever sent, this partition has forgotten what it sent: it freezes, and
   * the outcome is `rolled_back`. A call with `bypassFreeze` sends those units after all: they
   * leave `available`, and units that `available` lacks are added to `total` (they were sold twice,
   * and the sale continues so). The event is `sent` with all of them.
   */
  send: {
    op: { readonly to: number; readonly wants: Units; readonly received: Units }
    answer: { readonly status: 'sent'; readonly sent: Units; readonly left: Units } | Retry
  }

  /**
   * Takes in the units that another partition has ever `sent` here: of each SKU, the units beyond
   * those received so far go from `inTransit` to `available`, event `received`, in order of SKU. If
   * that is less than was received before, nothing of that SKU changes. `received`: all units of
   * the SKUs in `sent` ever received from there, where there were any.
   */
  receive: {
    op: { readonly from: number; readonly sent: Units }
    answer: { readonly status: 'received'; readonly received: Units } | Retry
  }

  /**
   * All units ever sent to each other partition and received from each, where there were any, in
   * ascending order. Writes nothing.
   */
  transfers: {
    op: Record<never, never>
    answer: {
      readonly status: 'transfers'
      readonly sent: readonly (readonly [to: number, Units])[]
      readonly received: readonly (readonly [from: number, Units])[]
    }
  }

  /**
   * The counts of these SKUs in this order, or of all in the sale's order, with every expired hold
   * swept. `retry` while there are more to sweep. `returns` counts how often units came back on
   * sale: released, expired, refunded with restock, restocked (applied > 0), but not received. Only
   * a change of it has a meaning.
   */
  stats: {
    op: { readonly skus?: readonly number[] | undefined }
    answer:
      | { readonly status: SaleState; readonly skus: readonly SkuCounts[]; readonly returns: number }
      | Retry
  }

  /**
   * Sweeps some expired holds. `next`: when to sweep again, epoch ms (`now` or before: at once);
   * `null`: no holds.
   */
  sweep: {
    op: Record<never, never>
    answer: { readonly status: 'swept'; readonly next: number | null } | Retry
  }

  /**
   * A page of all reservations, each as stored (an expired hold that was not swept is still
   * `held`), after `sequence` events. A scan begins with cursor '0' and ends when `cursor` is '0';
   * a reservation that exists during the whole scan is returned at least once. The last page has
   * the counts at the same moment; `skus` is empty before.
   */
  scan: {
    op: { readonly cursor: string }
    answer: ReservationPage
  }

  /**
   * Events with `sequence > after`, oldest first: at least one, if there is one; about a thousand
   * at most. `generation` and `since`: the present generation, and the sequence at which it left
   * the previous one (0 for the first, and after a rebuild). With `reservations`, the reservations
   * that the events name, each once, as they are stored now (an expired hold that was not swept is
   * still `held`). Writes nothing.
   */
  events: {
    op: { readonly after: number; readonly reservations: boolean }
    answer: EventPage
  }
}

export type Command = keyof Commands
export type Op<C extends Command> = Commands[C]['op']
export type Answer<C extends Command> = Commands[C]['answer']
/** An answer other than `retry`: an undecided item is repeated before the caller gets an answer. */
export type FinalAnswer<C extends Command> = Final<Answer<C>>
export type Reply<C extends Command> = ReplyOf<Answer<C>>
export type Partition = Port<Commands>
