import { onAbort } from '../batching/abort.js'
import type { CallOptions } from '../batching/batcher-set.js'
import type { Clock } from '../engine/clock.js'
import type { StockholdError } from '../errors.js'

/** A caller that waits for the answer of this process' next call to the room. */
export interface Waiting<T> {
  readonly resolve: (value: T) => void
  readonly reject: (error: unknown) => void
  /** Whether the caller has an answer already, so that no call is needed for it. */
  readonly settled: () => boolean
}

/**
 * Waits until the deadline, then fails with `late`, or until the signal aborts. The deadline is the
 * caller's own: the call under way may have begun earlier and the next one has another deadline, so
 * together they could take twice as long.
 */
export function waitFor<T>(
  clock: Clock,
  { deadline, signal }: CallOptions,
  late: () => StockholdError,
  enter: (waiting: Waiting<T>) => void,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    let settled = false
    const told =
      <V>(tell: (value: V) => void) =>
      (value: V) => {
        settled = true
        timer.cancel()
        forget?.()
        tell(value)
      }
    const fail = told(reject)
    const timer = clock.after(Math.max(1, Math.ceil(deadline - clock.now())), () => fail(late()))
    const forget = signal && onAbort(signal, () => fail(signal.reason))
    enter({ resolve: told(resolve), reject: fail, settled: () => settled })
  })
}

/**
 * Resolves when the promise has settled, at `moment` at the latest. The work behind the promise
 * goes on.
 */
export function settledBy(moment: number, promise: Promise<void>, clock: Clock): Promise<void> {
  const ms = Math.ceil(moment - clock.now())
  if (ms <= 0) return Promise.resolve()
  return new Promise((resolve) => {
    const timer = clock.after(ms, resolve)
    // The work behind the promise keeps the process alive, so the timer need not.
    timer.keepAlive(false)
    const settle = () => {
      timer.cancel()
      resolve()
    }
    promise.then(settle, settle)
  })
}
