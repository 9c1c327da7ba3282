const tuning = {
  /** The most taken items that are still in the array. */
  many: 1_024,
}

/**
 * A first-in, first-out queue. It drops the reference to a taken item at once: an old array keeps
 * its items through many collections of young objects, and each event of a busy sale would be moved
 * to the old generation before it is dropped.
 */
export class Queue<T> {
  readonly #items: (T | undefined)[] = []
  #head = 0

  get first(): T | undefined {
    return this.#items[this.#head]
  }

  push(item: T): void {
    this.#items.push(item)
  }

  /** Inserts the item behind all items that do not come after it. */
  insert(item: T, comesAfter: (other: T) => boolean): void {
    const items = this.#items
    let at = items.length
    while (at > this.#head && comesAfter(items[at - 1]!)) at--
    if (at === items.length) items.push(item)
    else items.splice(at, 0, item)
  }

  shift(): T | undefined {
    const items = this.#items
    if (this.#head === items.length) return undefined
    const item = items[this.#head]
    items[this.#head++] = undefined
    if (this.#head === tuning.many || this.#head === items.length) {
      items.splice(0, this.#head)
      this.#head = 0
    }
    return item
  }
}
