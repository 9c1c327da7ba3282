/** What visitors are told is never older than this, in ms, while the engine can be reached. */
export const FRESH_MS = 250
export const tuning = {
  /** A reading of the stock is taken again after so many ms. */
  stockMs: 200,
  /** The door waits for it for this share of a call's time, at most. */
  stockPatience: 0.25,
  /**
   * How many calls this process may make at once after a quiet time; in the long run one every
   * `busyMs`.
   */
  callsAtOnce: 40,
  /** With so many of them left it is quiet. */
  quietCalls: 20,
  /** Visits in one call. */
  maxVisits: 4_096,
  /** While visitors wait, the room is looked at this often; otherwise only for revocations. ms */
  busyMs: 100,
  idleMs: 500,
  /** A small bucket is emptied more often, or it would run over. ms */
  shortestMs: 10,
  /** After so long without a poll here no visitor is waiting. ms */
  activeMs: 60_000,
  /** Between attempts while the engine is away, in ms. */
  minRetryMs: 100,
  maxRetryMs: 2_000,
  /** Revocations from which on those that are over are dropped. */
  firstPrune: 1_000,
}
