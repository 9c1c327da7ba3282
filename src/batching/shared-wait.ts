import type { Clock, Timer } from '../engine/clock.js'
import { onAbort } from './abort.js'
import type { CallOptions } from './batcher-set.js'

/** A caller that waits, until one of these is called, its deadline passes or its signal aborts. */
export interface Waiter<T> {
  readonly resolve: (value: T) => void
  readonly reject: (error: unknown) => void
  /** Whether the caller waits no more. */
  readonly settled: () => boolean
}

/**
 * Waits for an answer that several callers may share, each with its own deadline and signal.
 *
 * @param tooLate The error if the deadline passes; an abort fails with the signal's reason.
 * @param enter Gets the waiter, unless the deadline has passed or the signal is aborted already.
 */
export function waitFor<T>(
  clock: Clock,
  { deadline, signal }: CallOptions,
  tooLate: () => unknown,
  enter: (waiter: Waiter<T>) => void,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const ms = Math.ceil(deadline - clock.now())
    if (ms <= 0) return reject(tooLate())
    let settled = false
    let timer: Timer | undefined
    let forget: (() => void) | undefined
    const ending =
      <V>(settle: (value: V) => void) =>
      (value: V) => {
        settled = true
        timer?.cancel()
        forget?.()
        settle(value)
      }
    const fail = ending(reject)
    if (deadline < Number.POSITIVE_INFINITY) timer = clock.after(ms, () => fail(tooLate()))
    if (signal) forget = onAbort(signal, () => fail(signal.reason))
    enter({ resolve: ending(resolve), reject: fail, settled: () => settled })
  })
}

/**
 * Settles like the promise, unless the caller's deadline or signal ends the wait first. The work
 * behind the promise continues; if it fails later, its error is ignored.
 */
export function withDeadline<T>(
  promise: Promise<T>,
  limits: CallOptions,
  clock: Clock,
  tooLate: () => unknown,
): Promise<T> {
  promise.catch(() => {})
  return waitFor(clock, limits, tooLate, ({ resolve, reject }) => void promise.then(resolve, reject))
}

/** Resolves when the promise has settled, at `moment` at the latest. */
export function settledBy(moment: number, promise: Promise<unknown>, clock: Clock): Promise<void> {
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
