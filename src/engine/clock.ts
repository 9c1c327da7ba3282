import { setImmediate } from 'node:timers'

/**
 * The timers of the library. The simulator has its own; otherwise they are those of the process.
 */
export interface Clock {
  /** ms on a clock that never goes back; only differences have a meaning. */
  now(): number
  /**
   * Calls back once, after `ms`. A timer of more than three weeks may call back early; the caller
   * then checks whether it is due.
   */
  after(ms: number, callback: () => void): Timer
  /** From 0 to below 1: spreads in time the work of processes that started it together. */
  random(): number
}

/** A timer that a {@link Clock} has set. */
export interface Timer {
  cancel(): void
  /** Whether a pending timer keeps the process alive; at first it does. */
  keepAlive(keep: boolean): void
}

/** A random number between the two, so that many processes do not act at the same time. */
export function between(least: number, most: number, clock: Clock): number {
  return least + (most - least) * clock.random()
}

/** Resolves after `ms`. */
export function sleep(ms: number, clock: Clock): Promise<void> {
  return new Promise((resolve) => void clock.after(ms, resolve))
}

/** The longest delay that Node supports: a longer one would fire at once. */
const LONGEST_MS = 2 ** 31 - 1

export const processClock: Clock = {
  now: () => performance.now(),
  random: Math.random,
  /**
   * A process that stood still finds timers due and answers unread at the same moment, and Node
   * looks at the timers first. So a callback waits until what has arrived was read: no call that
   * was answered in time is given up.
   *
   * @see https://nodejs.org/en/learn/asynchronous-work/event-loop-timers-and-nexttick
   */
  after(ms, callback) {
    let due: NodeJS.Immediate | undefined
    const timeout = setTimeout(
      () => {
        due = setImmediate(callback)
      },
      Math.min(ms, LONGEST_MS),
    )
    return {
      cancel() {
        clearTimeout(timeout)
        clearImmediate(due)
      },
      keepAlive: (keep) => void (keep ? timeout.ref() : timeout.unref()),
    }
  },
}
