/**
 * At least this many of the entries that changed last are kept, and at most twice as many. Older
 * ones were acknowledged long before any usual loss.
 */
const LATEST = 50_000
/**
 * Fewer entries are kept if they take this many bytes, since carts may have a thousand lines. They
 * use at most twice as many bytes.
 */
const MAX_BYTES = 64 * 2 ** 20

/** Entries by key, in the order in which they were added. They are dropped as a whole. */
export interface Generation<T> {
  readonly size: number
  /** How many bytes the entries take, approximately. */
  readonly bytes: number
  get(key: string): T | undefined
  set(key: string, value: T): void
  delete(key: string): void
  clear(): void
  values(): Iterable<T>
}

/**
 * The latest entries by key. Two generations: the older one is dropped as a whole, since repeatedly
 * deleting the first entry of a large table is slow.
 */
export class LatestEntries<T, G extends Generation<T>> {
  #young: G
  #old: G
  /** How many entries were dropped for lack of space. */
  dropped = 0

  /** @param generation Makes an empty one. */
  constructor(generation: () => G) {
    this.#young = generation()
    this.#old = generation()
  }

  /** @param change What becomes of the entry that is known. It may change it in place. */
  set(key: string, change: (known: T | undefined) => T): void {
    const young = this.#young.get(key)
    const old = young ? undefined : this.#old.get(key)
    const value = change(young ?? old)
    if (old) this.#old.delete(key)
    this.#young.set(key, value)
    this.turn()
  }

  get(key: string): T | undefined {
    return this.#young.get(key) ?? this.#old.get(key)
  }

  get young(): G {
    return this.#young
  }

  get old(): G {
    return this.#old
  }

  /** Drops the older generation if the younger one is full. Called after each change of it. */
  turn(): void {
    if (this.#young.size < LATEST && this.#young.bytes < MAX_BYTES) return
    this.dropped += this.#old.size
    this.#old.clear()
    ;[this.#young, this.#old] = [this.#old, this.#young]
  }

  clear(): void {
    this.#young.clear()
    this.#old.clear()
    this.dropped = 0
  }

  get all(): T[] {
    return [...this.#old.values(), ...this.#young.values()]
  }
}
