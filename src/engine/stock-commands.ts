import type { Retry } from './port.js'
import type { RestockOp, Units } from './records.js'

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
}
