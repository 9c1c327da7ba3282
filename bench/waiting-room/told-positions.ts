import type { Observation } from './queue-observer.js'

/** Answers from `from` to `to` (epoch ms) all said this. */
export interface Told {
  readonly offset: number
  readonly from: number
  to: number
}

/** What polls were told about the queue, in the order in which they were told. */
export class ToldPositions {
  readonly all: Told[] = []
  #latest: Told | undefined

  /** Cheap enough for every poll: as long as the queue stands still it is one comparison. */
  add(offset: number, now: number): void {
    if (this.#latest?.offset === offset) {
      this.#latest.to = now
      return
    }
    this.#latest = { offset, from: now, to: now }
    this.all.push(this.#latest)
  }
}

/**
 * How old each answer was at most, in ms: since the latest moment at which the queue may have been
 * as the answer said. Between two observations the queue may have been in any state between them,
 * so the age is exact to the time between two observations. `undefined` for an answer that was true
 * at no moment.
 */
export function agesOf(told: readonly Told[], observations: readonly Observation[]): (number | undefined)[] {
  const [first, last] = [observations[0], observations.at(-1)]
  if (!first || !last) return told.map(() => undefined)
  // What was told before the first observation or after the last cannot be judged.
  return told
    .filter(({ from, to }) => from >= first.to && to <= last.from)
    .map(({ offset, to }) => {
      for (let i = observations.length - 2; i >= 0; i--) {
        const [before, after] = [observations[i]!, observations[i + 1]!]
        if (before.from > to) continue
        const low = Math.min(before.offset, after.offset)
        const high = Math.max(before.offset, after.offset)
        if (offset >= low && offset <= high) return Math.max(0, to - after.to)
      }
      return undefined
    })
}
