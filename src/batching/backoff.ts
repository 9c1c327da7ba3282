import type { Clock } from '../engine/clock.js'

/**
 * The pause after so many failures in a row, in ms: it doubles with each, from `minMs` to `maxMs`.
 */
export function backoff(failures: number, minMs: number, maxMs: number): number {
  return Math.min(maxMs, minMs * 2 ** (failures - 1))
}

/**
 * At least half of a pause: processes that failed at the same time do not all try again in step.
 */
export function jittered(ms: number, clock: Clock): number {
  return ms * (1 - clock.random() / 2)
}
