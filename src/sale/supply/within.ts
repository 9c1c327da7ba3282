import type { Limits } from '../../engine/lanes.js'
import type { Timer, Timing } from '../../engine/timing.js'

/** The promise's result, unless the caller's time or patience ends before: what it does then is no business of the caller. */
export function within<T>(
  promise: Promise<T>,
  { deadline, signal }: Limits,
  timing: Timing,
  tooLate: () => unknown,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    let timer: Timer | undefined
    const onAbort = () => end(() => reject(signal!.reason))
    const end = (settle: () => void) => {
      timer?.cancel()
      signal?.removeEventListener('abort', onAbort)
      settle()
    }
    if (signal?.aborted) return reject(signal.reason)
    const ms = deadline - timing.now()
    if (ms <= 0) return reject(tooLate())
    timer = timing.after(Math.ceil(ms), () => end(() => reject(tooLate())))
    signal?.addEventListener('abort', onAbort)
    promise.then(
      (value) => end(() => resolve(value)),
      (error) => end(() => reject(error)),
    )
  })
}
