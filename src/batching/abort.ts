type Callback = () => void

const waiting = new WeakMap<AbortSignal, Set<{ readonly callback: Callback }>>()

/**
 * Calls back when the signal is aborted; answers how to stop that. However many wait for a
 * signal, it has one listener: from the eleventh on Node would warn of a leak, and a shop may
 * well give one signal to all of its calls.
 */
export function onAbort(signal: AbortSignal, callback: Callback): () => void {
  let all = waiting.get(signal)
  if (!all) {
    all = new Set()
    waiting.set(signal, all)
    signal.addEventListener('abort', tellAll)
  }
  const entry = { callback }
  all.add(entry)
  return () => {
    all.delete(entry)
    if (all.size > 0 || waiting.get(signal) !== all) return
    forget(signal)
  }
}

function forget(signal: AbortSignal): void {
  waiting.delete(signal)
  signal.removeEventListener('abort', tellAll)
}

function tellAll(this: AbortSignal): void {
  const all = waiting.get(this)
  forget(this)
  for (const { callback } of all ?? []) callback()
}

/**
 * The promise, or the signal's reason as soon as it is aborted; what the promise stands for goes
 * on.
 */
export function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise
  return new Promise<T>((resolve, reject) => {
    if (signal.aborted) reject(signal.reason)
    const stop = onAbort(signal, () => reject(signal.reason))
    promise.then(resolve, reject).finally(stop)
  })
}
