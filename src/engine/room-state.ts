/**
 * The state of a waiting room; its commands are in `room.ts`. As with a sale, these comments are
 * the specification, and the tests compare the Redis engine with the memory engine.
 *
 * The terms:
 *
 * - A buyer who joins gets a `number`, counted from 1. Numbers are never used twice. The buyer's
 *   first number is the `visitId` of their *visit*, which lasts until they leave or are revoked,
 *   even if they get other numbers during it.
 * - The *rank* of a number is its position in the queue: the number itself, unless the room was
 *   drawn (order 'random'); then the numbers up to `drawn` are shuffled among themselves (see
 *   `waiting-room/draw.ts`). Callers compute the ranks; engines do not.
 * - A room may have *tiers*: queues of their own, of which an earlier one goes first. A number is
 *   `TIER * index` plus the count in the tier; ranks are counted in each tier from 1. A tier keeps
 *   its index for the life of the room, whatever its priority. A room without tiers has one, of
 *   index 0. The `visitId` of a visit is how many numbers all tiers have given by then.
 * - *called* is the rank up to which the queue has moved. Visitors up to there may enter at any
 *   time, in order of rank.
 * - *present visitors* have polled lately and wait for a token. With a token, the first of them, by
 *   rank, gets a *turn*.
 * - A turn that its buyer takes becomes a *pass*. A turn that is not taken goes back as a token. A
 *   visitor who misses a turn keeps the rank, and gets the first token after their next poll.
 */
export interface StoredRoomRules {
  readonly order: 'fifo' | 'random'
  /** The names of the tiers, the first to be admitted first; empty in a room without tiers. */
  readonly tiers: readonly string[]
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

/** Two numbers of the queue, and which of them has the lower rank. */
export interface ComparedPlaces {
  /** Of the visit that is transferred. */
  readonly number: number
  /** Of the buyer who receives it. */
  readonly own: number
  readonly ownIsFirst: boolean
}

export type VisitAnswer =
  /**
   * `number` is the buyer's number. `ahead`: how many present visitors of the tier come before the
   * buyer, if the buyer is present, else `null`.
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

/** The queue of one tier at one moment. */
export interface TierState {
  readonly index: number
  /** `null` in a room without tiers. */
  readonly name: string | null
  /** How many numbers were given. */
  readonly tail: number
  readonly called: number
  /** Visitors up to this rank should poll; visitors beyond need not. */
  readonly reach: number
  /** How many present visitors have been called. */
  readonly present: number
  /** Buyers with a number and without a pass. */
  readonly waiting: number
  /** How many numbers were shuffled; `null` before the draw. */
  readonly drawn: number | null
}

/** The state of the room at one moment. What is counted is of all tiers together. */
export interface RoomState {
  readonly status: 'tended'
  readonly opened: boolean
  readonly paused: boolean
  readonly closed: 'sold_out' | 'ended' | null
  readonly pace: AdmissionRate
  /** Millionths of a token. */
  readonly tokens: number
  /** How many numbers were given. */
  readonly tail: number
  readonly called: number
  /** `called + near`: see `RoomCommands`. */
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
  /** In the order of their priority. */
  readonly tiers: readonly TierState[]
  /** By the rules in force, and how often they were updated. */
  readonly opensAt: number | null
  readonly revision: number
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

/** The numbers of a tier: more than any tier will give, and a whole number of chunks. */
export const TIER = 2 ** 40
export const MAX_TIERS = 8
export function tierOf(number: number): number {
  return Math.floor(number / TIER)
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
/**
 * One of so many turns and passes that stock and `maxActive` allow may be a long turn, which waits
 * for a visitor who is away. Fewer units than that never wait.
 */
export const SLOTS_A_LONG_TURN = 10
/** How many visitors who were not seen for claimMs one call forgets. */
export const FORGET_AT_ONCE = 1_000
/** How many visitors who are away one call may pass over. */
export const AWAY_AT_ONCE = 1_000
/** How long a reading of the stock is valid. ms. */
export const STOCK_MS = 1_000
/**
 * If no process tends the room for longer than this, the time in between does not count against
 * visitors who were called. ms.
 */
export const GAP_MS = 2_000
