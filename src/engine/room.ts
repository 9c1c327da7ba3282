import type { Final, Port, Reply, Retry } from './port.js'

/**
 * What a `WaitingRoom` asks of an engine. As with a sale, these comments are the specification, and
 * the memory engine is the oracle for the Redis engine.
 *
 * The terms:
 *
 * - A buyer who joins gets a `number`, counted from 1: their *place*. Numbers are never used twice.
 *   The number of the first place names their *stay*, which lasts until they leave or are revoked,
 *   whatever places it goes through.
 * - The *rank* of a place is where it stands in line: its number, unless the room was drawn (order
 *   'random'); then the numbers up to `drawn` are shuffled among themselves (see
 *   `waiting-room/draw.ts`). Engines are told ranks, and compute none.
 * - *called* is the rank up to which the line has moved. Whoever stands there may come at any time,
 *   first by rank.
 * - *the door* are those who have come and wait for a token. A token makes the first of them, by
 *   rank, a *turn*.
 * - A turn that its buyer takes becomes a *pass*. A turn that is not taken goes back as a token.
 */
export interface StoredRoomRules {
  readonly order: 'fifo' | 'random'
  readonly opensAt: number | null
  /** How long a turn, or somebody who was called, is waited for, in ms. */
  readonly claimMs: number
  readonly passMs: number
  /** The sale whose stock the door goes by. */
  readonly sale: string | null
  /** Passes outstanding to units available, in thousandths. */
  readonly overcommit: number
}

/** The token bucket: tokens per 1,000 seconds, and how many it holds. */
export interface AdmissionRate {
  readonly rate: number
  readonly burst: number
}

/** What a process has read of the sale, at server time `at`. */
export interface StockReading {
  readonly at: number
  /**
   * `closed`: not open for now (not started, paused). `sold_out`: nothing available and nothing
   * that could come back.
   */
  readonly state: 'open' | 'closed' | 'sold_out' | 'ended'
  readonly available: number
}

/** Somebody who stands at the door, or polls from near it. */
export interface Visit {
  readonly buyer: string
  readonly visitId: number
  readonly number: number
  readonly rank: number
}

export type VisitAnswer =
  /**
   * `number` is the buyer's place. `ahead`: how many at the door come before them, if they are at
   * the door, else `null`.
   */
  | { readonly status: 'waiting'; readonly number: number; readonly ahead: number | null }
  | { readonly status: 'admitted'; readonly number: number; readonly expiresAt: number }
  /** The buyer left, was revoked, or is in another stay. */
  | { readonly status: 'gone' }

/**
 * 65,536 places, one bit each, of those that were given up while waiting: bit `n % 8` (the highest
 * first) of byte `n / 8`.
 */
export interface DepartedChunk {
  readonly index: number
  readonly bits: Buffer
}

/** The room at one moment. */
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
  /** Places up to this rank come to the door; those beyond need not. */
  readonly reach: number
  /** How many at the door have been called. */
  readonly present: number
  /** Ranks called per 1,000 seconds, as observed. */
  readonly speed: number
  /** Buyers with a place and without a pass. */
  readonly waiting: number
  /** Passes ever given, and turns ever missed. */
  readonly admitted: number
  readonly missedTurns: number
  /** Turns and passes that may still buy something. */
  readonly outstanding: number
  /**
   * How many may be outstanding, by the latest reading; `null` in a room without a sale, and before
   * the first.
   */
  readonly capacity: number | null
  /** How many numbers were shuffled; `null` before. With it the seed is told. */
  readonly drawn: number | null
  readonly seed: string | null
  readonly doorTime: number
  /** Numbers whose turn it is: those that were given it at door time `turnsSince` or later. */
  readonly turns: readonly number[]
  readonly goneVersion: number
  readonly gone: readonly DepartedChunk[]
  /**
   * Whose pass was revoked at `revokedSince` or later, until passMs after that: then none of theirs
   * can be valid any more.
   */
  readonly revoked: readonly { readonly buyer: string; readonly visitId: number }[]
}

/** Millionths in a token: whole numbers do not drift. */
export const TOKEN = 1_000_000
/** Whoever is near the door comes at least this often; who has not for this long is away. ms. */
export const SHOW_MS = 2_000
/** A visit is good for so long: then the buyer counts as away, until they come again. ms. */
export const PRESENT_MS = 3_000
/** A reading of the stock is good for so long. ms. */
export const STOCK_MS = 1_000
/**
 * Longer without anybody tending the door, and the time in between does not count against those who
 * were called. ms.
 */
export const GAP_MS = 2_000

/**
 * What every command shares, beside what `Port` says; each begins with it unless it says otherwise.
 *
 * *Moving on* from the stored time `last` to `now`, with `elapsed = now - last`:
 * 1. A room is `opened` when `now >= opensAt` (or there is none). At the first change after that, a
 *    room of random order that is not drawn yet sets `drawn` to its `tail`. Everybody has another
 *    rank then, so this counts as a change of the tail, from 0, and the samples for `settled`
 *    (below) are set anew to that.
 * 2. A room is *stopped* while it is paused or its rate is 0. It is *tended* while it is opened,
 *    not stopped, and (with a sale) the latest reading is at most STOCK_MS old and `open`. The
 *    state before this command's own changes decides.
 * 3. Opened and not stopped, the bucket gains `rate` millionths a ms since `last`, or since
 *    `opensAt` if that came later, up to `burst` tokens.
 * 4. The *door time* runs while the room is tended or not opened: it gains `min(elapsed, GAP_MS)`.
 *    Where `elapsed > GAP_MS`, and when it starts to run again after standing still, it gains 1 ms
 *    more, and `freshFrom` becomes the door time: whoever was last seen before that counts as away.
 *    (When the room is made it runs.)
 * 5. Tended: turns whose time is up (door time >= the door time of the turn + claimMs) go back as
 *    tokens, up to `burst`; whoever was last seen claimMs of door time ago or longer is forgotten
 *    (leaves the door too); unspent passes with `now >= expiresAt` are outstanding no more.
 * 6. The samples for `settled` and `speed` (below) are taken, of the values as they are now.
 *
 * *Letting in*, while the room is tended, with a token at least and `outstanding < capacity`:
 * - `near = max(64, burst + floor(8 * min(speed, 4 * rate) / 1000))`; `reach = called + near`.
 * - `settled = min(calledBefore + near, tailBefore)`: `...Before` is the value it had SHOW_MS ago
 *   or more. Up to there everybody has had time to come. (If the value last changed at
 *   `changedAt <= now - SHOW_MS`: the value. Else the `older` of two samples: as soon as `newer` is
 *   SHOW_MS old, `older` becomes `newer`, and `newer` the present values with the present time.
 *   Both begin with the room's making.)
 * - The first at the door by rank: if it was last seen before `freshFrom`, or more than PRESENT_MS
 *   of door time ago, it leaves the door (but is remembered as seen), and the next is looked at.
 *   Otherwise it gets the turn if its rank is at most `max(called, settled)`, or if every place
 *   between `called` and it was given up (known for numbers that were not drawn only): a token is
 *   spent, and `called` becomes at least its rank. If not, nobody gets a turn for now.
 * - When a token is left and nobody at the door could get a turn (the door is empty, or the first
 *   of it is beyond), `called` becomes at least `settled`.
 * - `calls` notes (door time, called) whenever `called` has grown and the latest note is at least
 *   claimMs / 64 old (or of this very ms: then that note is corrected). There is none at first.
 *   `passed` is `called` of the latest note that is at least claimMs old; 0 if there is none. Notes
 *   before that one are dropped.
 * - `speed` is `floor(((called - from.called) * 1e6 + rate * 5000) / (doorTime - from.doorTime +
 *   5000))`: observed, leaning on what was asked for while little was seen. `from` is the `older`
 *   of two samples as above, 10,000 ms of door time apart; both are set anew to the present when
 *   the rate changes, when moving on while the room is not opened, and, when moving on and after
 *   letting in, whenever `called >= tail`.
 *
 * A command whose `now > deadline` answers `retry` where it would change something, and does not
 * move on. `tend` then answers as if there were no visits to register: it moves nothing, and
 * answers each visit as it stands.
 */
export interface RoomCommands {
  /**
   * `exists`: with the same rules (whatever the pace); `conflict`: with others. Nothing is changed
   * then. `commitment`: the SHA-256 of the seed in hex, for all to know before the draw. The bucket
   * begins full.
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
   * A place at the end, or the one the buyer has. A buyer whose pass has run out gets a new place
   * in the same stay. `expiresAt`: of the pass, `null` for who waits. Does not move on, but for the
   * draw.
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
   * Moves on (with `stock`, if its `at`, or `now` if that is earlier, is not before the one known,
   * taken over first), registers the visits, lets in, and answers.
   *
   * A visit, in this order:
   * 1. No place, or another stay: `gone`.
   * 2. A pass that has not run out: `admitted`. One that has run out: a new place at the end.
   * 3. Another number than the buyer's place: `waiting` with that.
   * 4. A turn: stays one. Ranks by another draw than the room's (`drawn`, which is `null` until
   *    then), none with order 'random', or a rank beyond `reach`: `waiting`, and nothing noted.
   * 5. Not remembered as seen, and `rank <= passed`: the turn was missed, a new place at the end
   *    (`missed` counts it).
   * 6. Otherwise they are seen at the door now.
   * After letting in, while tended: whoever has the turn among the visits (with whatever number
   * they came) is `admitted`, with `expiresAt = now + passMs`.
   */
  tend: {
    op: {
      readonly visits: readonly Visit[]
      readonly stock: StockReading | null
      /** Chunks of places changed after this version are wanted. */
      readonly goneVersion: number
      /** Door time. */
      readonly turnsSince: number
      /** Server time. */
      readonly revokedSince: number
      /** The draw by which the visits' ranks were found: as last told in {@link RoomState}. */
      readonly drawn: number | null
    }
    answer: RoomState & { readonly visits: readonly VisitAnswer[] }
  }

  /**
   * Ends a stay, and with it place, turn (its token goes back) and pass, which is then revoked.
   * `gone`: it had ended, or another has begun.
   */
  leave: {
    op: { readonly buyer: string; readonly visitId: number }
    answer: { readonly status: 'left' | 'gone' } | Retry
  }

  /** Ends the buyer's stay, whichever it is. */
  revoke: {
    op: { readonly buyer: string }
    answer: { readonly status: 'revoked' | 'gone' } | Retry
  }

  /**
   * The buyer has used the pass: it is outstanding until a reading of the stock with `at` after
   * this is taken over, which shows what was bought, and then no more. Valid it stays. Again:
   * `spent`, and the first time counts. In a room without a sale it changes nothing. `gone`: no
   * such stay, or no pass that has not run out.
   */
  spend: {
    op: { readonly buyer: string; readonly visitId: number }
    answer: { readonly status: 'spent' | 'gone' } | Retry
  }

  /**
   * Sets the pace, or pauses and resumes. A bucket that got smaller keeps what fits. Tokens are
   * gained by the old pace until now.
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
