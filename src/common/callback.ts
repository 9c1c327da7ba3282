/**
 * Calls a callback of the user. The callback may throw, reject or never settle: its errors are
 * ignored, so that they neither stop the library's work nor end the process.
 */
export function notify<A extends unknown[]>(
  callback: ((...args: A) => unknown) | undefined,
  ...args: A
): void {
  try {
    const result = callback?.(...args)
    if (isThenable(result)) Promise.resolve(result).catch(() => {})
  } catch {}
}

/** The callback, which never fails: see {@link notify}. */
export function guarded<A extends unknown[]>(callback: (...args: A) => unknown): (...args: A) => void {
  return (...args) => notify(callback, ...args)
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | undefined)?.then === 'function'
}
