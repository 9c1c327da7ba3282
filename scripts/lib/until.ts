import { setTimeout as delay } from 'node:timers/promises'

const PAUSE_MS = 50
/** What takes longer hangs. ms */
const LIMIT_MS = 300_000

/** Waits until there is a value other than `undefined` and `false`. */
export async function until<T>(what: string, find: () => Promise<T | undefined | false>): Promise<T> {
  const end = performance.now() + LIMIT_MS
  for (;;) {
    const found = await find()
    if (found !== undefined && found !== false) return found
    if (performance.now() > end) throw new Error(`Waited ${LIMIT_MS / 1_000} s in vain until ${what}.`)
    await delay(PAUSE_MS)
  }
}
