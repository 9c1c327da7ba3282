/** The position of a waiting visitor. */
export interface QueuePosition {
  /**
   * The visitor's position: 1 is next, 0 means "your turn: poll". Before a draw, every visitor in
   * it has the last position of the draw.
   */
  readonly position: number
  /**
   * ms until the visitor's turn, at the observed rate; `null` while it cannot be estimated (paused,
   * or the rate is 0).
   */
  readonly etaMs: number | null
  /**
   * ms to wait before the next poll. Polls are spread over time: a visitor polls more often near
   * the head of the queue, and in the last second at the moment the turn is due.
   */
  readonly pollAfterMs: number
}

/** What `join` answers. */
export type JoinResult =
  | JoinedQueue
  /** The shop has blocked the buyer: see `block`. */
  | { readonly status: 'blocked' }

/** The visitor is in the queue, and the ticket proves it. */
export interface JoinedQueue extends QueuePosition {
  readonly status: 'joined'
  /**
   * The visitor's browser keeps this and polls with it. It is signed: it identifies its buyer and
   * cannot be forged.
   */
  readonly ticket: string
}

/** What `transfer` answers. */
export type TransferResult =
  /** The ticket and the place of the buyer who has the visit now. */
  | ({ readonly status: 'transferred'; readonly ticket: string } & QueuePosition)
  /** The shop has blocked that buyer. The visit stays as it was. */
  | { readonly status: 'blocked' }

/** What `poll` answers. */
export type PollResult =
  /** `soldOutLikely`: more visitors are ahead of this one than there are units for. */
  | ({ readonly status: 'waiting'; readonly soldOutLikely: boolean } & QueuePosition)
  /** `pass` lets this buyer reserve until `expiresAt` (epoch ms). */
  | { readonly status: 'admitted'; readonly pass: string; readonly expiresAt: number }
  /**
   * `sold_out`: no unit is available or on hold. If units come back, the room opens again and every
   * visitor has kept their position.
   */
  | { readonly status: 'closed'; readonly reason: 'sold_out' | 'ended' }

/** What `stats` of a waiting room answers. */
export interface RoomStats {
  readonly state: 'not_open' | 'open' | 'paused' | 'sold_out' | 'ended'
  /** Buyers in the queue without a pass, including those who have just gone away. */
  readonly waiting: number
  /** Passes given so far. */
  readonly admitted: number
  /**
   * How often a visitor was away when their turn came, counted when they come back. Such a visitor
   * keeps the position, and gets the first token after that poll.
   */
  readonly missedTurns: number
  /** Turns and passes that may still lead to a reservation. */
  readonly outstanding: number
  /**
   * How many turns and passes may be outstanding with the units available; `null` without a sale.
   */
  readonly capacity: number | null
  /** How many may be outstanding at most, whatever the stock; `null` for any number. */
  readonly maxActive: number | null
  readonly ratePerSecond: number
  readonly burst: number
  /** Tokens in the token bucket, from 0 to `burst`. */
  readonly tokens: number
  /** Observed turns called per second: more than the rate if visitors do not take their turns. */
  readonly turnsPerSecond: number
  /** Epoch ms; `null` for a room that was open from the beginning. */
  readonly opensAt: number | null
  /**
   * In the order of their priority, empty in a room without tiers. `drawn`: how many visitors of
   * the tier were drawn, `null` before the draw.
   */
  readonly tiers: readonly {
    readonly tier: string
    readonly waiting: number
    readonly drawn: number | null
  }[]
  /** For rooms with `order: 'random'`: `shuffledRank` verifies a rank with it. */
  readonly draw: RoomDraw | null
}

/** The draw of a room with `order: 'random'`, which any visitor can verify. */
export interface RoomDraw {
  /** SHA-256 of the seed in hex, published before the first visitor joins. */
  readonly commitment: string
  /** The seed, and how many visitors were drawn: published when the room opens. */
  readonly seed: string | null
  readonly count: number | null
}
