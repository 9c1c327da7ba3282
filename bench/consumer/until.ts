import { setTimeout as delay } from 'node:timers/promises'

/** A condition that takes longer is stuck. */
const LONGEST_MS = 300_000

export async function until(holds: () => boolean | Promise<boolean>, everyMs = 5): Promise<void> {
  const end = Date.now() + LONGEST_MS
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`The condition did not hold within ${LONGEST_MS / 1_000} s.`)
    await delay(everyMs)
  }
}
