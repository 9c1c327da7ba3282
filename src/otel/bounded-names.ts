/**
 * Which names become label values: at most `max` at a time, whatever names there are. A name that
 * was chosen stays as long as it is there, so that its series has no gaps.
 */
export class BoundedNames {
  readonly #max: number
  #chosen: ReadonlySet<string> = new Set()

  constructor(max: number) {
    this.#max = max
  }

  /** @param present All names that are there now, the more important first. */
  choose(present: Iterable<string>): ReadonlySet<string> {
    const names = [...new Set(present)]
    const kept = names.filter((name) => this.#chosen.has(name))
    const fresh = names.filter((name) => !this.#chosen.has(name))
    this.#chosen = new Set([...kept, ...fresh].slice(0, this.#max))
    return this.#chosen
  }
}
