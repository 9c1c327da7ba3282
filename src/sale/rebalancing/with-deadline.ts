import { onAbort } from '../../batching/abort.js'
import type { CallOptions } from '../../batching/batcher-set.js'
import type { Clock, Timer } from '../../engine/clock.js'

/**
 * Returns the promise's result, unless the caller's deadline or signal ends the wait first. The
 * promise may still fail later; its error is then ignored and does not end the process.
 */
export function withDeadline<T>(
  promise: Promise<T>,
  { deadline, signal }: CallOptions,
  clock: Clock,
  tooLate: () => unknown,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    let timer: Timer | undefined
    let forget: (() => void) | undefined
    const end = (settle: () => void) => {
      timer?.cancel()
      forget?.()
      settle()
    }
    promise.then(
      (value) => end(() => resolve(value)),
      (error) => end(() => reject(error)),
    )
    if (signal?.aborted) return reject(signal.reason)
    const ms = deadline - clock.now()
    if (ms <= 0) return reject(tooLate())
    timer = clock.after(Math.ceil(ms), () => end(() => reject(tooLate())))
    forget = signal && onAbort(signal, () => end(() => reject(signal.reason)))
  })
}
