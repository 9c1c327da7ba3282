import type { Sighting } from './witness.js'

/** Answers from `from` to `to` (epoch ms) all said this. */
export interface Told {
  readonly offset: number
  readonly from: number
  to: number
}

/** What polls were told about one and the same line, in the order in which they were told. */
export class ToldLog {
  readonly all: Told[] = []
  #latest: Told | undefined

  /** Cheap enough for every poll: as long as the line stands still it is one comparison. */
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
 * How old the answers were at most, in ms, by what a witness saw: the latest moment at which the line may have stood as they
 * said. Between two sightings it may have stood anywhere between them, so this is exact to the time between two sightings.
 * `undefined` for answers that were true at no moment at all.
 */
export function agesOf(told: readonly Told[], sightings: readonly Sighting[]): (number | undefined)[] {
  const [first, last] = [sightings[0], sightings.at(-1)]
  if (!first || !last) return told.map(() => undefined)
  // What was told before the first sighting or after the last cannot be judged.
  return told
    .filter(({ from, to }) => from >= first.to && to <= last.from)
    .map(({ offset, to }) => {
      for (let i = sightings.length - 2; i >= 0; i--) {
        const [before, after] = [sightings[i]!, sightings[i + 1]!]
        if (before.from > to) continue
        const low = Math.min(before.offset, after.offset)
        const high = Math.max(before.offset, after.offset)
        if (offset >= low && offset <= high) return Math.max(0, to - after.to)
      }
      return undefined
    })
}
