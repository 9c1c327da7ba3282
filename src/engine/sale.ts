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
 * The commands of one partition of a sale. The comments here are the specification: the memory
 * engine is its plainest reading, and the oracle that the Redis engine is compared with.
 *
 * What every command shares, beside what {@link Port} says:
 *
 * - A hold has expired when `now >= expiresAt`: before a command looks at it, it becomes `expired`,
 *   its units go from `held` to `available`, and the event `expired` is written. How many expired
 *   holds are swept in passing is the engine's affair; no answer may depend on it.
 * - Every change appends its event in the same step. Where a change takes the last available unit
 *   of a SKU, the event `sold_out` follows it (in order of SKU, should a cart take several).
 * - A reservation given back moves its units to `available`.
 *
 * Partitions: the stock of a sale is dealt out to its partitions, and moves between them by `send`
 * and `receive`; see `stock-split.ts`.
 *
 * History: a server can come back with older data. So each call names what its caller has `seen`,
 * and each batch that writes events leaves its `mark` with them.
 *
 * - A `seen` of the partition's own line must be part of its history: it ends at an event, or
 *   before, whose batch bore that mark. (Where the events are trimmed so far, nobody can tell.) A
 *   `seen` of an earlier line is from before a recovery, and fine; of a later line it is not.
 * - If it is not, the partition is frozen, and the outcome is `rolled_back`. A command that writes
 *   nothing does not freeze.
 * - `since` becomes the sequence at which it froze. The line that begins with the unfreeze counts
 *   from there: what was written beyond on the line before is not part of this history.
 * - While it is frozen, the outcome of everything that may write is `rolled_back`, but of calls
 *   that recover. Those are not checked, and to them the sale is open whatever its state: `reserve`
 *   does not look at step 4, `confirm` not at the sale's end.
 */
export interface Commands {
  /**
   * Makes the partition if it is new, with its slice of the stock. `exists`: with the same rules.
   * `conflict`: with others; nothing changed.
   *
   * A sale is made from its partition 0 on: first that with `complete: false`, then all others
   * under its token, then that again with `complete: true`. `complete` is said of partition 0 only
   * (for others it is always true), and never taken back. So of a complete sale a partition that is
   * missing has been lost.
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

  /**
   * The rules and the token (a random name of this very incarnation of the sale). Writes nothing.
   */
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
   * Makes the partition of a lost sale anew (whatever is left of it goes), with its slice of the
   * stock, complete, frozen and with that line. One that is whole stays as it is, whosever it is:
   * `exists`, with its token.
   */
  rebuild: {
    op: { readonly rules: Rules; readonly incarnation: string; readonly generation: number }
    answer: { readonly status: 'rebuilt' | 'exists'; readonly incarnation: string } | Retry
  }

  /**
   * All of a buyer's requests have ids of the same bucket.
   *
   * In this order:
   * 1. `id` exists: this very request was sent twice. `reserved` with the reservation as it is,
   *    `replayed: false`.
   * 2. The buyer has a reservation with this `key`: another cart is `conflict`; held or confirmed
   *    is `reserved` with `replayed: true`; anything else is `key_spent`.
   * 3. After the deadline: `retry`.
   * 4. `ended` (by command or `now >= closesAt`), `not_started` (`now < opensAt`), `paused`.
   * 5. For the first SKU of the cart whose limit the buyer's held and confirmed units and the cart
   *    together exceed: `limit_exceeded`; `taken` are the units the buyer has.
   * 6. For the first SKU of the cart with fewer units available than asked: `sold_out`; `mayReturn`
   *    while any unit of it is held.
   * 7. Units go from `available` to `held`; event `reserved`; `expiresAt = now + holdMs`. (A call
   *    that recovers may give a negative `holdMs`: the end of a hold that is over, which expires
   *    before anybody looks.)
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
   * - held: units go from `held` to `confirmed`, `paymentId` is kept, event `confirmed`;
   *   `late: false`.
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
   * Adds units, or takes out up to `-quantity` available ones (`applied` is what happened, negative
   * or 0); `total` moves with them. Event `restocked`, also with `applied: 0`. The key again: the
   * first `applied`, `replayed: true`; with another SKU or quantity: `conflict`. Unless `final`,
   * fewer units available than are to be taken out are `lacking`, and nothing changes: other
   * partitions may have some.
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
   * Answers the state afterwards. What would change nothing changes nothing (an ended sale stays
   * ended) and writes no event. `unfreeze` ends a freeze, and the history goes on as the next line;
   * it writes no event.
   */
  control: {
    op: { readonly action: 'pause' | 'resume' | 'end' | 'unfreeze' }
    answer: { readonly status: SaleState } | Retry
  }

  /**
   * Units for another partition. Of each SKU wanted (quantities of 1 or more) that has units
   * available, `min(available, max(quantity, floor(available / 2)))` leave `available` for
   * `inTransit`: whoever runs dry gets enough for a while, and the few last units go where they are
   * asked for. Event `sent` for each SKU of which some went, in order of SKU; `sold_out` follows it
   * if it took the last.
   *
   * `sent`: all units ever sent there of the SKUs in `wants` and `received`, where there were any;
   * `left`: what is available now of each SKU wanted. Where nothing went, that is told all the
   * same. Paused or ended, it sends too.
   *
   * `received` is what the other is known to have received, of whichever SKUs. If that is more of a
   * SKU than was ever sent, this partition has forgotten what it sent: it freezes, and the outcome
   * is `rolled_back`. A call that recovers sends those units after all: they leave `available`, and
   * what `available` lacks is added to `total` (it has been sold twice, and that is how the sale
   * goes on). The event is `sent` with all of them.
   */
  send: {
    op: { readonly to: number; readonly wants: Units; readonly received: Units }
    answer: { readonly status: 'sent'; readonly sent: Units; readonly left: Units } | Retry
  }

  /**
   * Catches up with what another partition has `sent` here ever: of each SKU the units beyond those
   * received so far go from `inTransit` to `available`, event `received`, in order of SKU. Fewer
   * than were received before: nothing of that SKU. `received`: all units of the SKUs in `sent`
   * ever received from there, where there were any.
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
   * The counts of these SKUs in this order, or of all in theirs, with every expired hold swept.
   * `retry` while there are more to sweep. `returns` counts the times at which units came back on
   * sale: released, expired, refunded with restock, restocked (applied > 0), but not received. Only
   * whether it moved means anything.
   */
  stats: {
    op: { readonly skus?: readonly number[] | undefined }
    answer:
      | { readonly status: SaleState; readonly skus: readonly SkuCounts[]; readonly returns: number }
      | Retry
  }

  /**
   * Gives back some expired holds. `next`: when to look again, epoch ms (`now` or before: at once);
   * `null`: no holds.
   */
  sweep: {
    op: Record<never, never>
    answer: { readonly status: 'swept'; readonly next: number | null } | Retry
  }

  /**
   * A page of all reservations, each as stored (an expired hold that was not swept is still
   * `held`), after `sequence` events. Begins with cursor '0' and ends when `cursor` is '0'; what
   * exists during the whole walk comes at least once. With the last page come the counts at the
   * same instant; `skus` is empty before.
   */
  scan: {
    op: { readonly cursor: string }
    answer: ReservationPage
  }

  /**
   * Events with `sequence > after`, oldest first: at least one, if there is one; some thousand at
   * most. `line` and `since`: the history's present line, and the sequence at which it left the one
   * before (0 for the first line, and after a rebuild). With `reservations`, the reservations that
   * the events speak of, each once, as they are stored now (an expired hold that was not swept is
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
/** An answer that decides: what is undecided is asked again before the caller hears of it. */
export type FinalAnswer<C extends Command> = Final<Answer<C>>
export type Reply<C extends Command> = ReplyOf<Answer<C>>
export type Partition = Port<Commands>
