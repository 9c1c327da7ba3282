import type { Clock } from '../engine/clock.js'

/**
 * The pause after a number of failures in a row, in ms: it doubles with each failure, from `minMs`
 * to `maxMs`.
 */
export function backoff(failures: number, minMs: number, maxMs: number): number {
  return Math.min(maxMs, minMs * 2 ** (failures - 1))
}

/**
 * A random time between half of a pause and all of it: processes that failed at the same time do
 * not all retry at the same time.
 */
export function jittered(ms: number, clock: Clock): number {
  return ms * (1 - clock.random() / 2)
}
