const tuning = {
  /** Taken and still in the array, at most. */
  many: 1_024,
}

/**
 * First in, first out. What is taken is let go at once: an array that has grown old holds what it
 * refers to through many collections of young objects, and then each event of a busy sale is moved
 * to the old ones before it is dropped.
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

  /** Puts it behind all that do not come after it. */
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
