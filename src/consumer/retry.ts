import { backoff, jittered } from '../batching/backoff.js'
import type { Clock } from '../engine/clock.js'
import { StockholdError } from '../errors.js'

const MAX_ERROR_BYTES = 1_024
const tuning = {
  /** Between two attempts while the engine is away. ms */
  minPauseMs: 100,
  maxPauseMs: 2_000,
}

/**
 * When to try again, by the clock's clock, after so many failures in a row: many processes do not
 * do so in step.
 */
export function retryAt(failures: number, clock: Clock): number {
  return clock.now() + jittered(backoff(failures, tuning.minPauseMs, tuning.maxPauseMs), clock)
}

/** What a partition says that does not know its own past any more. */
export function isForgetful(error: unknown): boolean {
  return (
    error instanceof StockholdError && (error.code === 'ROLLBACK_DETECTED' || error.code === 'STATE_LOST')
  )
}

/** Why a handler failed, as it is kept with the event. */
export function messageOf(error: unknown): string {
  let text: string
  try {
    text = String(error instanceof Error ? error.message || error.name : error).toWellFormed()
  } catch {
    text = 'unknown'
  }
  if (Buffer.byteLength(text) <= MAX_ERROR_BYTES) return text
  // What a character was cut in two becomes is as long as three bytes.
  return Buffer.from(text)
    .subarray(0, MAX_ERROR_BYTES - 2)
    .toString()
    .replace(/\uFFFD+$/, '')
}
