import { existsSync, readFileSync, writeFileSync } from 'node:fs'

const isGiven = process.env.STOCKHOLD_SEED !== undefined
const isNew = process.env.STOCKHOLD_FINDS === 'new'

/**
 * Where the search for each injected bug of a suite begins: at the first case that found it when
 * this was last written down, in place of some hundred cases before it. The cases are those that a
 * search from the beginning comes to. What has changed since may hide the bug from that case: the
 * search goes on from there. With `STOCKHOLD_SEED` it begins at the beginning, and with
 * `STOCKHOLD_FINDS=new` it also writes down what it finds.
 */
export class FirstFinds {
  readonly #file: URL
  readonly #bugs: readonly string[]

  constructor(suite: string, bugs: readonly string[]) {
    this.#file = new URL(`first-finds/${suite}.json`, import.meta.url)
    this.#bugs = bugs
  }

  /** How many cases to leave out before the first. */
  of(bug: string): number {
    return isGiven || isNew ? 0 : (this.#known[bug] ?? 0)
  }

  /** @param at How many cases were before the one that found the bug. */
  found(bug: string, at: number): void {
    if (!isNew) return
    const known = { ...this.#known, [bug]: at }
    // Most are found by the first case of all.
    const later = this.#bugs.map((each) => [each, known[each]]).filter(([, first]) => first)
    writeFileSync(this.#file, `${JSON.stringify(Object.fromEntries(later), null, 2)}\n`)
  }

  get #known(): { readonly [bug: string]: number } {
    return existsSync(this.#file) ? JSON.parse(readFileSync(this.#file, 'utf8')) : {}
  }
}
