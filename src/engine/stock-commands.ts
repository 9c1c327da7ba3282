import type { Retry } from './port.js'
import type { MoveOp, RestockOp, SetTotalOp, Units } from './records.js'

/**
 * The commands that change a partition's stock without a buyer; what all commands share is in
 * `sale.ts`.
 */
export interface StockCommands {
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
   * Moves up to `quantity` units that are available from one SKU to another; `applied` is how many.
   * `total` of both SKUs changes with them. Event `moved`, also with `applied: 0`. A key that comes
   * again, `lacking` (of `from`) and `final` are as in `restock`; the keys are apart from those of
   * `restock`. A call with `bypassFreeze` moves at most `atMost`.
   */
  move: {
    op: MoveOp
    answer:
      | { readonly status: 'moved'; readonly applied: number; readonly replayed: boolean }
      | { readonly status: 'lacking'; readonly sku: number; readonly available: number }
      | { readonly status: 'conflict' }
      | Retry
  }

  /**
   * Sets the total of a SKU in the whole sale, confirmed units included: what a stock count found.
   * If more units are held and confirmed than the count allows, the difference is a debt, and the
   * debt takes the units that come back.
   *
   * Partition 0 decides. It keeps the counts by their key, the newest `countedAt` of each SKU, and
   * the debt (`owed`). By *target* we mean `total - owed`, over all partitions: no debt that takes
   * units changes it, nor does a transfer, so a count only needs to shift it by `change`. That is
   * exact in spite of all that other processes do meanwhile, and a recovery repeats it in any
   * order.
   *
   * In this order:
   * 1. The key again: with another SKU, total or `countedAt`, `conflict`; otherwise the first
   *    answer, `replayed: true`. If that was not complete, a call with `final` completes it.
   * 2. After the deadline: `retry`.
   * 3. `countedAt` (without one, `now`) is before the newest one of the SKU: `superseded`. It is
   *    not remembered.
   * 4. Without a `basis`, or if the target of this partition is not `basis.own` any more:
   *    `uncounted`, with the target `own` and the debt `owed`. `basis.others` is the sum of `total`
   *    over the other partitions, which must have been read, twice with the same result, since
   *    `own` was. (Then there was a moment at which all of them were what was read.) A sale of one
   *    partition has `others: 0`, and `own: null`, which is not checked.
   * 5. `change` is `total` less the target of the sale. Units that are added free the debt first;
   *    the rest becomes available. Units that are taken away are taken from the available ones;
   *    what is lacking is added to the debt. Event `counted`, then `sold_out` if it took the last.
   * 6. With `final`, the count is complete: `owed` is the debt at this moment, and `applied` what
   *    the count has changed the sale's total by (`change` and what the debt grew by since before
   *    step 5). Event `total_set`. A newer count completes the one before it.
   *
   * A debt leaves no unit available in partition 0: units that come back there, in any way, are
   * taken in the same step, as far as the debt goes. They leave the sale, event `debt_taken`, and
   * `sold_out` again if it took the last. The SKU that they would return to gets the rest.
   *
   * A sale of several partitions collects the units elsewhere before it completes the count: see
   * `withhold`. Every step can be repeated, by any process, in any order; until the last one the
   * count has not been answered.
   *
   * A call with `bypassFreeze` may say what the `counted` count did: steps 3 and 4 are skipped, and
   * the key answers the same again.
   */
  setTotal: {
    op: SetTotalOp
    answer:
      | {
          readonly status: 'set'
          readonly change: number
          readonly applied: number
          readonly owed: number
          readonly countedAt: number
          /** Whether `applied` and `owed` are final. */
          readonly complete: boolean
          readonly replayed: boolean
        }
      | { readonly status: 'superseded'; readonly owed: number }
      | { readonly status: 'uncounted'; readonly own: number; readonly owed: number }
      | { readonly status: 'conflict' }
      | Retry
  }

  /**
   * The units that partition 0 owes of a SKU, and all units of it that it has ever sent to each
   * other partition, where there were any. Read at the same moment. Writes nothing.
   */
  debt: {
    op: { readonly sku: number; readonly partitions: number }
    answer: {
      readonly status: 'debt'
      readonly owed: number
      readonly sent: readonly (readonly [to: number, units: number])[]
    }
  }

  /**
   * Lets a partition other than 0 pass on to partition 0 what it has, and what comes back to it, up
   * to `units`: partition 0 owed as many when it had sent `received` units here in all.
   *
   * First the partition receives what it has not received of these (event `received`). Then its
   * claim becomes the greater of itself and `units`, event `withheld` if that changed it. From now
   * on every unit that becomes available here, by whatever change, is sent to partition 0 in the
   * same step (event `sent`, and `sold_out` if it took the last), and the claim shrinks by it: so
   * while there is a claim nothing is available. Once a claim is used up, units enough for the
   * whole debt are on their way from here alone.
   *
   * Partition 0 sends units only when it has some available, and so without a debt. So units from
   * there that this partition had not received by then show that the debt is settled: they stay
   * here, and the claim is dropped. For the same reason nothing changes if this partition has
   * received more than `received`: the caller read the debt before it was settled. A claim that is
   * out of date is harmless: units make a detour, and buyers elsewhere find them in partition 0.
   * Whether those of an expired hold do depends on when the engine sweeps it.
   *
   * `sent`: all units of the SKU that this partition has ever sent to partition 0.
   */
  withhold: {
    op: { readonly sku: number; readonly units: number; readonly received: number }
    answer: { readonly status: 'withheld'; readonly sent: number } | Retry
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
   * ascending order; those of reservations apart, see `CARRIED`. `departing`: the ids of the
   * reservations that have left and are not settled. `hasArrived`: there is a record here that was
   * made by a transfer. Writes nothing.
   */
  transfers: {
    op: Record<never, never>
    answer: {
      readonly status: 'transfers'
      readonly sent: readonly (readonly [to: number, Units])[]
      readonly received: readonly (readonly [from: number, Units])[]
      readonly departing: readonly string[]
      readonly hasArrived: boolean
    }
  }
}
