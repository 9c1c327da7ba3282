import type { Final, Port, Reply, Retry } from './port.js'
import type {
  AdmissionRate,
  ComparedPlaces,
  RoomState,
  StockReading,
  StoredRoomRules,
  Visit,
  VisitAnswer,
} from './room-state.js'

export * from './room-state.js'

/**
 * In addition to the rules in `Port`, all commands share these; each command begins with moving on
 * unless it says otherwise.
 *
 * *Moving on* from the stored time `last` to `now`, with `elapsed = now - last`:
 * 1. A room is `opened` when `now >= opensAt` (or there is none). At the first change after that, a
 *    room of random order that is not drawn yet sets `drawn` of each tier to its `tail`. All ranks
 *    change then, so this counts as a change of the tail, from 0, and the samples for `settled`
 *    (below) restart with that value. In a tier that is made later nothing is drawn.
 * 2. A room is *stopped* while it is paused or its rate is 0. It is *tended* while it is opened,
 *    not stopped, and (with a sale) the latest reading is at most STOCK_MS old and `open`. The
 *    state before this command's own changes decides.
 * 3. Opened and not stopped, the bucket gains `rate` millionths a ms since `last`, or since
 *    `opensAt` if that came later, up to `burst` tokens.
 * 4. The *door time* runs while the room is tended, and until it has opened: it gains `min(elapsed,
 *    GAP_MS)`. If `elapsed > GAP_MS`, and when it starts to run again after standing still, it
 *    gains 1 ms more, and `freshFrom` becomes the door time: a visitor who was last seen before
 *    that counts as away. (When the room is created, door time runs.)
 * 5. Tended: turns that have run out (door time >= the door time of the turn + claimMs; of a *long*
 *    turn, + the greater of claimMs and TURN_AGAIN_MS) go back as tokens, up to `burst`; visitors
 *    who were last seen claimMs of door time ago or longer are forgotten (and no longer present),
 *    at most FORGET_AT_ONCE of them, first those seen earliest (at the same time: by their numbers
 *    as texts); unspent passes with `now >= expiresAt` are no longer outstanding.
 * 6. The samples for `settled` and `speed` (below) are taken, of the present values.
 *
 * *Admission*, while the room is tended:
 * - `most` is the lesser of `capacity` and `maxActive`. `waitable`, the long turns that may be
 *   outstanding, is the lesser of `capacity / SLOTS_A_LONG_TURN`, rounded down, and `maxActive /
 *   SLOTS_A_LONG_TURN`, rounded up. Both are unlimited in a room with neither.
 * - Turns are given while `outstanding`, without the long turns beyond `waitable`, is below `most`,
 *   and there is a token, or `outstanding` itself is not below `most`. In the latter case long
 *   turns end before a turn is given, until it fits: those given earliest (at the same time: by
 *   their numbers as texts). Each goes back as a token, and its visitor was *passed over*. So the
 *   last units never wait for a visitor who is away while another is present.
 * - `near = max(64, burst + floor(8 * min(speed, 4 * rate) / 1000))`.
 * - What follows is of each tier, until it says otherwise. `settled = min(calledBefore + near,
 *   tailBefore)`: `...Before` is the value that was valid SHOW_MS ago or earlier. All visitors up
 *   to this rank have had time to poll. (If the value last changed at `changedAt <= now - SHOW_MS`:
 *   the value. Else the `older` of two samples: as soon as `newer` is SHOW_MS old, `older` becomes
 *   `newer`, and `newer` the present values with the present time. Both begin when the room is
 *   created.)
 * - The first present visitor by rank: if they were last seen before `freshFrom`, they are no
 *   longer present (but are remembered as seen), and the next is examined. If they were last seen
 *   more than PRESENT_MS of door time ago, they are passed over: no longer present, not remembered
 *   as seen, and the next is examined. One call does this at most AWAY_AT_ONCE times, and then
 *   gives no further turn. Otherwise they get the turn if their rank is at most `max(called,
 *   settled)`, or if all visitors between `called` and them have left (known for numbers that were
 *   not drawn only): a token is spent, and `called` becomes at least their rank. Otherwise no
 *   visitor gets a turn for now.
 * - While fewer than `waitable` long turns are outstanding, a visitor who has *returned* (see
 *   `tend`) is present however long ago they polled, and their turn is long. Otherwise they are as
 *   any other, but have still returned after they were passed over.
 * - If a further turn could be given and no present visitor could get it (there are none, or the
 *   first is beyond), `called` becomes at least `settled`.
 * - The tiers have their turn one after the other. The next one comes while a further turn could be
 *   given, no visitor of this tier is present, and `called` has reached `max(tailBefore, drawn)`,
 *   or all visitors from there on have left. So a visitor never goes before one of a higher tier
 *   who had no time to poll yet.
 * - `calls` notes (door time, called) whenever `called` has grown and the latest note is at least
 *   claimMs / 64 old (or of this very ms: then that note is corrected). There is none at first.
 *   `passed` is `called` of the latest note that is at least claimMs old; 0 if there is none. Notes
 *   before that one are dropped.
 * - `speed`, of all tiers together, is `floor(((called - from.called) * 1e6 + rate * 5000) /
 *   (doorTime - from.doorTime + 5000))`: the observed speed, weighted with the configured rate
 *   while there are few observations. `from` is the `older` of two samples as above, 10,000 ms of
 *   door time apart; both restart with the present values when the rate changes, when moving on
 *   while the room is not opened, and, when moving on and after admission, whenever `called >=
 *   tail`.
 *
 * A command whose `now > deadline` answers `retry` where it would change something, and does not
 * move on. `tend` then answers as if there were no polls to register: it moves nothing, and answers
 * each poll with the visitor's present state.
 */
export interface RoomCommands {
  /**
   * `exists`: the room exists with the same rules (whatever the pace); `conflict`: with other
   * rules. Neither changes anything. `commitment`: the SHA-256 of the seed in hex, public before
   * the draw. The bucket begins full.
   */
  create: {
    op: {
      readonly rules: StoredRoomRules
      readonly pace: AdmissionRate
      readonly seed: string
      readonly commitment: string
      readonly incarnation: string
    }
    answer:
      | {
          readonly status: 'created' | 'exists' | 'conflict'
          readonly incarnation: string
          readonly commitment: string
        }
      | Retry
  }

  /** Writes nothing. */
  describe: {
    op: Record<never, never>
    answer: {
      readonly status: 'described'
      /** As they were when the room was created: `tend` answers those that may have changed. */
      readonly rules: StoredRoomRules
      readonly incarnation: string
      readonly commitment: string
    }
  }

  /**
   * Changes rules, in force with the next call of any process; `null` leaves one as it is.
   * `replayed`: these very rules are in force. New tiers are added, and any order may become
   * another; `missing_tier`: the list lacks one that the room has. The visitors of a room without
   * tiers are in the last one from then on. A room that has opened closes until a later `opensAt`;
   * if it was drawn it is not drawn again.
   */
  update: {
    op: {
      readonly opensAt: { readonly to: number | null } | null
      readonly tiers: readonly string[] | null
    }
    answer:
      | { readonly status: 'updated'; readonly revision: number; readonly replayed: boolean }
      | { readonly status: 'missing_tier' }
      | Retry
  }

  /**
   * Gives the buyer a number at the end of the tier (the last one without `tier`), or answers
   * the one the buyer has. A buyer who waits without a turn in a tier of lower priority gives that
   * number up and gets one in this tier, in the same visit. A buyer whose pass has run out gets a
   * new number in the same visit, in the better one of both tiers. `expiresAt`: of the pass, `null`
   * for a buyer who waits. A blocked buyer gets nothing; `unknown_tier`: the room has no such tier.
   * Does not move on, except for the draw.
   */
  join: {
    op: { readonly buyer: string; readonly tier?: string | null }
    answer:
      | {
          readonly status: 'placed'
          readonly number: number
          readonly visitId: number
          readonly expiresAt: number | null
        }
      | { readonly status: 'blocked' | 'unknown_tier' }
      | Retry
  }

  /**
   * Moves on, registers the polls, admits, and answers. `stock` is taken over first, if its `at`
   * (or `now`, if that is earlier) is not before the `at` of the known reading.
   *
   * Each poll of `visits`, in this order:
   * 1. The buyer has no number, or is in another visit: `gone`.
   * 2. A pass that has not run out: `admitted`. A pass that has run out: a new number at the end
   *    of the same tier.
   * 3. Another number than the buyer's: `waiting` with the buyer's number.
   * 4. Ranks by another draw than the room's (`drawn`, which is `null` until then), none with order
   *    'random', or a rank beyond `called + near` of
   *    the tier: `waiting`, and nothing is noted. A turn: stays a turn,
   *    and is no longer a long one if the room is tended.
   * 5. A visitor who has returned is present, and seen now.
   * 6. The visitor's turn has run out since their latest poll, or they were passed over, or they
   *    are not remembered as seen and `rank <= passed`: they have missed a turn (`missedTurns`
   *    counts it), and have returned with this poll, until they get a turn; present, and seen now.
   *    A visitor with more than TURNS_AGAIN turns of this number that have run out misses none
   *    further, and is present in this call only.
   * 7. Otherwise the visitor is present, and seen now. After admission, while tended: each visitor
   *    of `visits` with a turn (whichever number they polled with) is `admitted`, with `expiresAt =
   *    now + passMs`.
   */
  tend: {
    op: {
      readonly visits: readonly Visit[]
      readonly stock: StockReading | null
      /** The answer has the chunks of departed numbers that changed after this version. */
      readonly goneVersion: number
      /** The door time from which on turns are answered. */
      readonly turnsSince: number
      /** The server time from which on revocations are answered. */
      readonly revokedSince: number
      /**
       * The draw by which the ranks of `visits` were computed: the latest answered in {@link
       * RoomState}.
       */
      readonly drawn: number | null
    }
    answer: RoomState & { readonly visits: readonly VisitAnswer[] }
  }

  /**
   * Ends a visit, with its number, turn (its token goes back) and pass, which is then revoked.
   * `gone`: it had ended, or another has begun.
   */
  leave: {
    op: { readonly buyer: string; readonly visitId: number }
    answer: { readonly status: 'left' | 'gone' } | Retry
  }

  /** Ends the buyer's present visit. */
  revoke: {
    op: { readonly buyer: string }
    answer: { readonly status: 'revoked' | 'gone' } | Retry
  }

  /**
   * Blocks a buyer, which ends their present visit and refuses every further `join`, or ends that.
   * `unchanged`: it was so before.
   */
  block: {
    op: { readonly buyer: string; readonly blocked: boolean }
    answer: { readonly status: 'changed' | 'unchanged' } | Retry
  }

  /**
   * The visit becomes a visit of the buyer `to`, with its number, its turn and the time of its
   * pass. It gets a new `visitId`: a number at the end of the tier, which is given up at once. The
   * pass of `buyer` is revoked. If `to` has a visit, the better of both stays and the other ends: a
   * pass that has not run out is better than a place in the queue, and that is better than a pass
   * that has run out; of two alike, `to` keeps their own.
   *
   * `compare`: both wait, and only the caller knows their ranks. The caller repeats the item with
   * `compared`, which counts while both have these numbers. `blocked`: `to` may not join. `gone`:
   * no such visit. A visit that was transferred to `to` answers the place of `to` again, while they
   * are in that visit.
   */
  transfer: {
    op: {
      readonly buyer: string
      readonly visitId: number
      readonly to: string
      readonly compared: ComparedPlaces | null
    }
    answer:
      | {
          readonly status: 'transferred'
          readonly number: number
          readonly visitId: number
          readonly expiresAt: number | null
        }
      | { readonly status: 'compare'; readonly number: number; readonly own: number }
      | { readonly status: 'blocked' | 'gone' }
      | Retry
  }

  /**
   * The buyer has used the pass: it stays outstanding until a reading of the stock with an `at`
   * after this is taken over, because that reading includes the purchase. The pass stays valid.
   * Again: `spent`, and the first time counts. In a room without a sale this changes nothing.
   * `gone`: no such visit, or no pass that has not run out.
   */
  spend: {
    op: { readonly buyer: string; readonly visitId: number }
    answer: { readonly status: 'spent' | 'gone' } | Retry
  }

  /**
   * Sets the pace, or pauses and resumes. A bucket that got smaller keeps the tokens that fit. Up
   * to now, tokens are gained at the old pace.
   */
  control: {
    op:
      | { readonly action: 'pause' | 'resume' }
      | { readonly action: 'pace'; readonly rate: number; readonly burst: number | null }
    answer: { readonly status: 'controlled' } | Retry
  }
}

export type RoomCommand = keyof RoomCommands
export type RoomOp<C extends RoomCommand> = RoomCommands[C]['op']
export type RoomAnswer<C extends RoomCommand> = RoomCommands[C]['answer']
export type RoomReply<C extends RoomCommand> = Reply<RoomAnswer<C>>
export type FinalRoomAnswer<C extends RoomCommand> = Final<RoomAnswer<C>>
export type RoomPort = Port<RoomCommands>
