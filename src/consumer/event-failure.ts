import { backoff, jittered } from '../batching/backoff.js'
import type { Clock } from '../engine/clock.js'

const MAX_ERROR_BYTES = 1_024
const tuning = {
  /** Between two attempts while the engine is away. ms */
  minPauseMs: 100,
  maxPauseMs: 2_000,
}

/**
 * When to try again after this many failures in a row, by the process's clock. The time is random,
 * so that many processes do not retry in step.
 */
export function retryAt(failures: number, clock: Clock): number {
  return clock.now() + jittered(backoff(failures, tuning.minPauseMs, tuning.maxPauseMs), clock)
}

/** The failure of a handler, in the form that is stored with the event. */
export function messageOf(error: unknown): string {
  let text: string
  try {
    text = String(error instanceof Error ? error.message || error.name : error).toWellFormed()
  } catch {
    text = 'unknown'
  }
  if (Buffer.byteLength(text) <= MAX_ERROR_BYTES) return text
  // A character that was cut in two becomes one of three bytes.
  return Buffer.from(text)
    .subarray(0, MAX_ERROR_BYTES - 2)
    .toString()
    .replace(/\uFFFD+$/, '')
}
