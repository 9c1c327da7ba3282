import type { Final, Port, Reply, Retry } from './port.js'

/**
 * The commands of a waiting room. As with a sale, these comments are the specification, and the
 * tests compare the Redis engine with the memory engine.
 *
 * The terms:
 *
 * - A buyer who joins gets a `number`, counted from 1. Numbers are never used twice. The buyer's
 *   first number is the `visitId` of their *visit*, which lasts until they leave or are revoked,
 *   even if they get other numbers during it.
 * - The *rank* of a number is its position in the queue: the number itself, unless the room was
 *   drawn (order 'random'); then the numbers up to `drawn` are shuffled among themselves (see
 *   `waiting-room/draw.ts`). Callers compute the ranks; engines do not.
 * - *called* is the rank up to which the queue has moved. Visitors up to there may enter at any
 *   time, in order of rank.
 * - *present visitors* have polled lately and wait for a token. With a token, the first of them, by
 *   rank, gets a *turn*.
 * - A turn that its buyer takes becomes a *pass*. A turn that is not taken goes back as a token. A
 *   visitor who misses a turn keeps the rank, and gets the first token after their next poll.
 */
export interface StoredRoomRules {
  readonly order: 'fifo' | 'random'
  readonly opensAt: number | null
  /** How long the room waits for a buyer with a turn, or for a visitor who was called, in ms. */
  readonly claimMs: number
  readonly passMs: number
  /** The sale whose stock limits admission. */
  readonly sale: string | null
  /** The ratio of outstanding passes to available units, in thousandths. */
  readonly overcommit: number
  /** The most turns and passes outstanding, whatever the stock. */
  readonly maxActive: number | null
}

/** The token bucket: tokens per 1,000 seconds, and how many tokens it holds. */
export interface AdmissionRate {
  readonly rate: number
  readonly burst: number
}

/** The state of the sale that a process read, at server time `at`. */
export interface StockReading {
  readonly at: number
  /**
   * `closed`: not open for now (not started, paused). `sold_out`: no units available, and none that
   * could come back.
   */
  readonly state: 'open' | 'closed' | 'sold_out' | 'ended'
  readonly available: number
}

/** One poll of a visitor who is present, or close to being called. */
export interface Visit {
  readonly buyer: string
  readonly visitId: number
  readonly number: number
  readonly rank: number
}

export type VisitAnswer =
  /**
   * `number` is the buyer's number. `ahead`: how many present visitors come before the buyer, if
   * the buyer is present, else `null`.
   */
  | { readonly status: 'waiting'; readonly number: number; readonly ahead: number | null }
  | { readonly status: 'admitted'; readonly number: number; readonly expiresAt: number }
  /** The buyer left, was revoked, or is in another visit. */
  | { readonly status: 'gone' }

/**
 * 65,536 numbers, one bit each; the bit is set if the buyer left while waiting: bit `n % 8` (the
 * highest first) of byte `n / 8`.
 */
export interface DepartedChunk {
  readonly index: number
  readonly bits: Buffer
}

/** The state of the room at one moment. */
export interface RoomState {
  readonly status: 'tended'
  readonly opened: boolean
  readonly paused: boolean
  readonly closed: 'sold_out' | 'ended' | null
  readonly pace: AdmissionRate
  /** Millionths of a token. */
  readonly tokens: number
  /** The latest number. */
  readonly tail: number
  readonly called: number
  /** Visitors up to this rank should poll; visitors beyond need not. */
  readonly reach: number
  /** How many present visitors have been called. */
  readonly present: number
  /** Ranks called per 1,000 seconds, as observed. */
  readonly speed: number
  /** Buyers with a number and without a pass. */
  readonly waiting: number
  /** Passes ever given, and turns ever missed. */
  readonly admitted: number
  readonly missedTurns: number
  /** Turns and passes that may still be used to buy. */
  readonly outstanding: number
  /**
   * How many may be outstanding, by the latest reading; `null` in a room without a sale, and before
   * the first reading.
   */
  readonly capacity: number | null
  /** How many numbers were shuffled; `null` before the draw. The seed is disclosed with it. */
  readonly drawn: number | null
  readonly seed: string | null
  readonly doorTime: number
  /** Numbers that have a turn which was given at door time `turnsSince` or later. */
  readonly turns: readonly number[]
  readonly goneVersion: number
  readonly gone: readonly DepartedChunk[]
  /**
   * Buyers whose pass was revoked at `revokedSince` or later. An entry stays until passMs after the
   * revocation: by then the pass has run out.
   */
  readonly revoked: readonly { readonly buyer: string; readonly visitId: number }[]
}

/** Millionths in a token: whole numbers do not drift. */
export const TOKEN = 1_000_000
/**
 * A visitor close to being called polls at least this often; a visitor who has not polled for this
 * long is away. ms.
 */
export const SHOW_MS = 2_000
/** How long a poll is valid: after that the buyer counts as away, until they poll again. ms. */
export const PRESENT_MS = 3_000
/**
 * A turn is kept for at least this long for a visitor who has missed one: browsers let a hidden tab
 * poll once a minute. ms.
 */
export const TURN_AGAIN_MS = 120_000
/**
 * How many turns of a visitor may run out before they get a turn in the moment of a poll only.
 * Otherwise two visitors could hold one unit for ever, one after the other, and never take a turn.
 */
export const TURNS_AGAIN = 3
/** How many visitors who are away one call may pass over. */
export const AWAY_AT_ONCE = 1_000
/** How long a reading of the stock is valid. ms. */
export const STOCK_MS = 1_000
/**
 * If no process tends the room for longer than this, the time in between does not count against
 * visitors who were called. ms.
 */
export const GAP_MS = 2_000

/**
 * In addition to the rules in `Port`, all commands share these; each command begins with moving on
 * unless it says otherwise.
 *
 * *Moving on* from the stored time `last` to `now`, with `elapsed = now - last`:
 * 1. A room is `opened` when `now >= opensAt` (or there is none). At the first change after that, a
 *    room of random order that is not drawn yet sets `drawn` to its `tail`. All ranks change then,
 *    so this counts as a change of the tail, from 0, and the samples for `settled` (below) restart
 *    with that value.
 * 2. A room is *stopped* while it is paused or its rate is 0. It is *tended* while it is opened,
 *    not stopped, and (with a sale) the latest reading is at most STOCK_MS old and `open`. The
 *    state before this command's own changes decides.
 * 3. Opened and not stopped, the bucket gains `rate` millionths a ms since `last`, or since
 *    `opensAt` if that came later, up to `burst` tokens.
 * 4. The *door time* runs while the room is tended or not opened: it gains `min(elapsed, GAP_MS)`.
 *    If `elapsed > GAP_MS`, and when it starts to run again after standing still, it gains 1 ms
 *    more, and `freshFrom` becomes the door time: a visitor who was last seen before that counts as
 *    away. (When the room is created, door time runs.)
 * 5. Tended: turns that have run out (door time >= the door time of the turn + claimMs; of a *long*
 *    turn, + the greater of claimMs and TURN_AGAIN_MS) go back as tokens, up to `burst`; a visitor
 *    who was last seen claimMs of door time ago or longer is forgotten (and no longer present);
 *    unspent passes with `now >= expiresAt` are no longer outstanding.
 * 6. The samples for `settled` and `speed` (below) are taken, of the present values.
 *
 * *Admission*, while the room is tended, with at least one token and `outstanding` below `capacity`
 * and `maxActive`:
 * - `near = max(64, burst + floor(8 * min(speed, 4 * rate) / 1000))`; `reach = called + near`.
 * - `settled = min(calledBefore + near, tailBefore)`: `...Before` is the value that was valid
 *   SHOW_MS ago or earlier. All visitors up to this rank have had time to poll. (If the value last
 *   changed at `changedAt <= now - SHOW_MS`: the value. Else the `older` of two samples: as soon as
 *   `newer` is SHOW_MS old, `older` becomes `newer`, and `newer` the present values with the
 *   present time. Both begin when the room is created.)
 * - The first present visitor by rank: if they were last seen before `freshFrom`, they are no
 *   longer present (but are remembered as seen), and the next is examined. If they were last seen
 *   more than PRESENT_MS of door time ago, they are passed over: no longer present, not remembered
 *   as seen, and the next is examined. One call does this at most AWAY_AT_ONCE times, and then
 *   gives no further turn. Otherwise they get the turn if their rank is at most `max(called,
 *   settled)`, or if all visitors between `called` and them have left (known for numbers that were
 *   not drawn only): a token is spent, and `called` becomes at least their rank. The turn is long
 *   if they have *returned* (see `tend`); a visitor who has returned is present until then, however
 *   long ago they polled. Otherwise no visitor gets a turn for now. - If a token is left and no
 *   present visitor could get a turn (there are none, or the first is
 *   beyond), `called` becomes at least `settled`.
 * - `calls` notes (door time, called) whenever `called` has grown and the latest note is at least
 *   claimMs / 64 old (or of this very ms: then that note is corrected). There is none at first.
 *   `passed` is `called` of the latest note that is at least claimMs old; 0 if there is none. Notes
 *   before that one are dropped.
 * - `speed` is `floor(((called - from.called) * 1e6 + rate * 5000) / (doorTime - from.doorTime +
 *   5000))`: the observed speed, weighted with the configured rate while there are few
 *   observations. `from` is the `older` of two samples as above, 10,000 ms of door time apart; both
 *   restart with the present values when the rate changes, when moving on while the room is not
 *   opened, and, when moving on and after admission, whenever `called >= tail`.
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
      readonly rules: StoredRoomRules
      readonly incarnation: string
      readonly commitment: string
    }
  }

  /**
   * Gives the buyer a number at the end of the queue, or answers the one the buyer has. A buyer
   * whose pass has run out gets a new number in the same visit. `expiresAt`: of the pass, `null`
   * for a buyer who waits. Does not move on, except for the draw.
   */
  join: {
    op: { readonly buyer: string }
    answer:
      | {
          readonly status: 'placed'
          readonly number: number
          readonly visitId: number
          readonly expiresAt: number | null
        }
      | Retry
  }

  /**
   * Moves on, registers the polls, admits, and answers. `stock` is taken over first, if its `at`
   * (or `now`, if that is earlier) is not before the `at` of the known reading.
   *
   * Each poll of `visits`, in this order:
   * 1. The buyer has no number, or is in another visit: `gone`.
   * 2. A pass that has not run out: `admitted`. A pass that has run out: a new number at the end.
   * 3. Another number than the buyer's: `waiting` with the buyer's number.
   * 4. A turn: stays a turn. Ranks by another draw than the room's (`drawn`, which is `null` until
   *    then), none with order 'random', or a rank beyond `reach`: `waiting`, and nothing is noted.
   * 5. A visitor who has returned: nothing is noted.
   * 6. The visitor's turn has run out since their latest poll, or they were passed over, or they
   *    are not remembered as seen and `rank <= passed`: they have missed a turn (`missedTurns`
   *    counts it), and have returned with this poll: present from now on, until they get a turn. A
   *    visitor with more than TURNS_AGAIN turns of this number that have run out misses none
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
