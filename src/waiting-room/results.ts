/** What a visitor is told while they wait. */
export interface QueuePosition {
  /**
   * Where they stand: 1 is next, 0 is "your turn: poll". Before a draw, all who are in it stand at
   * its end.
   */
  readonly position: number
  /**
   * ms until it is their turn, at the rate really observed; `null` while nobody can say (paused, or
   * the rate is 0).
   */
  readonly etaMs: number | null
  /**
   * Poll again after so many ms: the crowd is spread, whoever is near the door comes more often,
   * and in the last second when the turn is due.
   */
  readonly pollAfterMs: number
}

/** What `join` answers: the visitor is in the queue, and the ticket is the proof. */
export interface JoinResult extends QueuePosition {
  /**
   * What the visitor's browser keeps, and polls with. Signed: it speaks for its buyer and cannot be
   * made up.
   */
  readonly ticket: string
}

/** What `poll` answers. */
export type PollResult =
  /** `soldOutLikely`: more stand before them than there are units for. */
  | ({ readonly status: 'waiting'; readonly soldOutLikely: boolean } & QueuePosition)
  /** `pass` lets this buyer reserve until `expiresAt` (epoch ms). */
  | { readonly status: 'admitted'; readonly pass: string; readonly expiresAt: number }
  /**
   * `sold_out`: nothing is left and nothing on hold. It opens again, with everybody's place, if
   * units come back.
   */
  | { readonly status: 'closed'; readonly reason: 'sold_out' | 'ended' }

/** What `stats` of a waiting room answers. */
export interface RoomStats {
  readonly state: 'not_open' | 'open' | 'paused' | 'sold_out' | 'ended'
  /** Buyers with a place and without a pass; whoever just went away is still among them. */
  readonly waiting: number
  /** Passes given so far. */
  readonly admitted: number
  /**
   * Turns that were called and not taken in time, of those who came back afterwards: they stand at
   * the end now.
   */
  readonly missedTurns: number
  /** Turns and passes that may still buy something. */
  readonly outstanding: number
  /** How many may be outstanding with the units there are; `null` without a sale. */
  readonly capacity: number | null
  readonly ratePerSecond: number
  readonly burst: number
  /** Tokens in the bucket, from 0 to `burst`. */
  readonly tokens: number
  /** Places called per second, as observed: more than the rate where turns are not taken. */
  readonly turnsPerSecond: number
  /** For rooms of random order: how to verify it stands with `shuffledRank`. */
  readonly draw: RoomDraw | null
}

/** The draw of a room with `order: 'random'`, so that any visitor can check it. */
export interface RoomDraw {
  /** SHA-256 of the seed in hex, known before anybody joins. */
  readonly commitment: string
  /** The seed, and how many places were drawn: told when the room opens. */
  readonly seed: string | null
  readonly count: number | null
}
