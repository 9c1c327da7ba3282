/** A binary heap: the first item of the order can be read at once. */
export class Heap<T> {
  readonly #items: T[] = []
  readonly #isBefore: (a: T, b: T) => boolean

  constructor(isBefore: (a: T, b: T) => boolean) {
    this.#isBefore = isBefore
  }

  get first(): T | undefined {
    return this.#items[0]
  }

  add(item: T): void {
    const items = this.#items
    items.push(item)
    for (let at = items.length - 1; at > 0; ) {
      const parent = (at - 1) >> 1
      if (!this.#isBefore(items[at]!, items[parent]!)) return
      this.#swap(at, parent)
      at = parent
    }
  }

  takeFirst(): T | undefined {
    const [first] = this.#items
    const last = this.#items.pop()
    if (last !== undefined && this.#items.length > 0) this.replaceFirst(last)
    return first
  }

  /** Replaces the first item. */
  replaceFirst(item: T): void {
    const items = this.#items
    items[0] = item
    for (let at = 0; ; ) {
      let child = 2 * at + 1
      if (child + 1 < items.length && this.#isBefore(items[child + 1]!, items[child]!)) child++
      if (child >= items.length || !this.#isBefore(items[child]!, items[at]!)) return
      this.#swap(at, child)
      at = child
    }
  }

  #swap(one: number, other: number): void {
    const item = this.#items[one]!
    this.#items[one] = this.#items[other]!
    this.#items[other] = item
  }
}
