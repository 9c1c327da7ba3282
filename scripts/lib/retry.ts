import { setTimeout as delay } from 'node:timers/promises'
import { StockholdError } from '../../src/index.js'

/** A server that is away for longer has ended the demo. */
export const PATIENCE_MS = 15_000
const PAUSE_MS = 100

/** Asks again where the library says that the same request may succeed: with the same key it never counts twice. */
export async function patiently<T>(ask: () => Promise<T>, onRetry: () => void): Promise<T> {
  const startedAt = performance.now()
  for (let tries = 1; ; tries++) {
    try {
      return await ask()
    } catch (error) {
      if (!(error instanceof StockholdError && error.retryable)) throw error
      if (performance.now() - startedAt > PATIENCE_MS) throw error
      onRetry()
      await delay(PAUSE_MS * tries)
    }
  }
}
