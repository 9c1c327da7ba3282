/** While the engine can be reached, answers to visitors are never older than this, in ms. */
export const FRESH_MS = 250
export const tuning = {
  /** The stock is read again after this time, in ms. */
  stockMs: 200,
  /** The poller waits for the stock at most this share of a call's time. */
  stockPatience: 0.25,
  /**
   * How many calls this process may make at once after a quiet time; in the long run one every
   * `busyMs`.
   */
  callsAtOnce: 40,
  /** With this many of them left, calls are made at once. */
  quietCalls: 20,
  /** Visits in one call. */
  maxVisits: 4_096,
  /** While visitors wait, the room is read this often; otherwise only for revocations. ms */
  busyMs: 100,
  idleMs: 500,
  /** A small token bucket is read more often, or it would overflow. ms */
  shortestMs: 10,
  /** After this time without a poll in this process, no visitor is waiting. ms */
  activeMs: 60_000,
  /** Between attempts while the engine is away, in ms. */
  minRetryMs: 100,
  maxRetryMs: 2_000,
  /** From this many revocations on, those of expired passes are dropped. */
  firstPrune: 1_000,
}
