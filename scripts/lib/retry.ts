import { setTimeout as delay } from 'node:timers/promises'
import { StockholdError } from '../../src/index.js'

/** After this time the error is thrown. ms */
export const RETRY_LIMIT_MS = 60_000
const PAUSE_MS = 100

/**
 * Repeats a call while the library says that it may succeed later: with the same key or id it never
 * counts twice.
 */
export async function retry<T>(call: () => Promise<T>, onRetry = () => {}): Promise<T> {
  const startedAt = performance.now()
  for (let tries = 1; ; tries++) {
    try {
      return await call()
    } catch (error) {
      if (!(error instanceof StockholdError && error.retryable)) throw error
      if (performance.now() - startedAt > RETRY_LIMIT_MS) throw error
      onRetry()
      await delay(PAUSE_MS * tries)
    }
  }
}
