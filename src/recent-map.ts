/**
 * A map that keeps the entries used last: at least half of `most`, and `most` at most. In two generations, of which the older one is
 * dropped as a whole: to delete the first of a large Map again and again is slow.
 */
export class RecentMap<V> {
  readonly #half: number
  #young = new Map<string, V>()
  #old = new Map<string, V>()
  /** How many entries were dropped for want of room. */
  dropped = 0

  constructor(most: number) {
    this.#half = most >> 1
  }

  get(key: string): V | undefined {
    const young = this.#young.get(key)
    if (young !== undefined || this.#old.size === 0) return young
    const old = this.#old.get(key)
    if (old !== undefined) this.set(key, old)
    return old
  }

  set(key: string, value: V): void {
    this.#old.delete(key)
    this.#young.set(key, value)
    if (this.#young.size < this.#half) return
    this.dropped += this.#old.size
    this.#old = this.#young
    this.#young = new Map()
  }

  delete(key: string): void {
    if (!this.#young.delete(key)) this.#old.delete(key)
  }

  clear(): void {
    this.#young.clear()
    this.#old.clear()
    this.dropped = 0
  }

  /** Those used longest ago first, by generation. */
  *values(): Generator<V> {
    yield* this.#old.values()
    yield* this.#young.values()
  }
}
