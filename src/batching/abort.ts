type Callback = () => void

const waiting = new WeakMap<AbortSignal, Set<{ readonly callback: Callback }>>()

/**
 * Calls back when the signal is aborted; returns a function that stops this. Each signal has one
 * listener, for any number of callbacks: from the eleventh listener on Node would warn of a leak,
 * and an application may give one signal to all of its calls.
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
 * Settles like the promise, or rejects with the signal's reason as soon as it is aborted; the work
 * behind the promise continues.
 */
export function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise
  return new Promise<T>((resolve, reject) => {
    if (signal.aborted) reject(signal.reason)
    const stop = onAbort(signal, () => reject(signal.reason))
    promise.then(resolve, reject).finally(stop)
  })
}
