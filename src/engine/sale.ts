import type { Final, LogOffset, Port, Reply as ReplyOf, Retry } from './port.js'
import type { EventPage, ReservationPage, SaleState, SkuCounts } from './records.js'
import type { ReservationCommands } from './reservation-commands.js'
import type { PresentRules, Rules, RulesCommands } from './rules.js'
import type { StockCommands } from './stock-commands.js'
import type { TransferCommands } from './transfer-commands.js'

/**
 * The commands of one partition of a sale. The comments here are the specification. The memory
 * engine is their simplest implementation; tests compare the Redis engine with it.
 *
 * In addition to the rules in {@link Port}, all commands share these:
 *
 * - A hold has expired when `now >= expiresAt`. Before a command looks at it, the hold becomes
 *   `expired`, its units go from `held` to `available`, and the event `expired` is written. The
 *   engine decides how many other expired holds a command sweeps; no answer may depend on it, but
 *   for one thing: a debt takes what comes back first, see `setTotal`.
 * - Every change appends its event in the same step. If a change takes the last available unit of a
 *   SKU, the event `sold_out` follows it (several in order of SKU).
 * - A reservation that is given back moves its units to `available`. If a SKU `returnsTo` another,
 *   units that come back to it by release, expiry, refund or amend become available units of that
 *   one in the same step, and `total` of both changes with them. Event `redirected`, after that of
 *   the change. What is owed of the SKU is taken first; then what is owed of the other SKU.
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
 *   as open whatever its state: `reserve` skips steps 4 and 5, `confirm` ignores the sale's end.
 */
export interface Commands extends ReservationCommands, TransferCommands, StockCommands, RulesCommands {
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

  /**
   * The rules that the sale was created with, those in force, and the incarnation, a random name of
   * this creation of the sale. Writes nothing. `paused` and `ended`: by command, whatever the time
   * is; `frozen`: the partition is to be recovered.
   */
  describe: {
    op: Record<never, never>
    answer: {
      readonly status: 'described'
      readonly rules: Rules
      readonly present: PresentRules
      readonly incarnation: string
      readonly complete: boolean
      readonly paused: boolean
      readonly ended: boolean
      readonly frozen: boolean
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
   * Answers the state afterwards. An action that would change nothing (an ended sale stays ended)
   * writes no event. A sale that was closed by its time is paused and resumed only by a call with
   * `bypassFreeze`. `unfreeze` ends a freeze, and the history continues as the next generation; it
   * writes no event.
   *
   * `after`: the latest generation that any process has seen. A server that came back from before
   * an earlier recovery has forgotten generations: the next one comes after those, too, and leaves
   * one number out, since it does not continue the generation before it.
   *
   * `advance`: a process that has recovered a frozen partition, and leaves the unfreeze to others,
   * has it so go on after the generations that it has seen. It writes no event.
   *
   * `recovered`: the history up to these points was recovered. If one of them is not part of this
   * history, or is of an earlier generation than the one that froze, it has been lost again:
   * `frozen`. A partition that had come back as it was before the freeze is frozen once more.
   */
  control: {
    op:
      | { readonly action: 'pause' | 'resume' | 'end' }
      | { readonly action: 'advance'; readonly after: number }
      | {
          readonly action: 'unfreeze'
          readonly recovered: readonly LogOffset[]
          readonly after: number
        }
    answer: { readonly status: SaleState | 'frozen' } | Retry
  }

  /**
   * The counts of these SKUs in this order, or of all in the sale's order, with every expired hold
   * swept. `retry` while there are more to sweep. `returns` counts how often units came back on
   * sale: released, expired, refunded with restock, restocked (applied > 0), added as a new SKU,
   * but not received. Only a change of it has a meaning.
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
