/**
 * The timers everything that waits goes by. The simulator has its own; everybody else has the
 * process'.
 */
export interface Clock {
  /** ms on a clock that never goes back; only differences mean something. */
  now(): number
  /**
   * Calls back once, after so many ms. What is due in more than three weeks may be called earlier,
   * and looks again then.
   */
  after(ms: number, callback: () => void): Timer
  /** From 0 to below 1: keeps apart in time what many processes would otherwise do in step. */
  random(): number
}

/** A timer that a {@link Clock} has set. */
export interface Timer {
  cancel(): void
  /** Whether waiting for it keeps the process alive; at first it does. */
  keepAlive(keep: boolean): void
}

/** Some number between the two, by chance: so that many processes do not do the same in step. */
export function between(least: number, most: number, clock: Clock): number {
  return least + (most - least) * clock.random()
}

/** The longest time that Node has timers for: a longer one would go off at once. */
const LONGEST_MS = 2 ** 31 - 1

export const processClock: Clock = {
  now: () => performance.now(),
  random: Math.random,
  after(ms, callback) {
    const timeout = setTimeout(callback, Math.min(ms, LONGEST_MS))
    return {
      cancel: () => clearTimeout(timeout),
      keepAlive: (keep) => void (keep ? timeout.ref() : timeout.unref()),
    }
  },
}
