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

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | undefined)?.then === 'function'
}
