import type { Entry } from './entry.js'

/** Finds the reservations of a partition. */
export class ReservationIndex {
  readonly #byId = new Map<string, Entry>()
  readonly #byKey = new Map<string, Entry>()
  readonly #byBuyer = new Map<string, Entry[]>()

  add(entry: Entry): void {
    const { id, buyer, key } = entry.reservation
    this.#byId.set(id, entry)
    if (key !== null) this.#byKey.set(keyOf(buyer, key), entry)
    const others = this.#byBuyer.get(buyer)
    if (others) others.push(entry)
    else this.#byBuyer.set(buyer, [entry])
  }

  find(id: string): Entry | undefined {
    return this.#byId.get(id)
  }

  findByKey(buyer: string, key: string): Entry | undefined {
    return this.#byKey.get(keyOf(buyer, key))
  }

  /** A buyer's reservations in the order in which they were made. */
  ofBuyer(buyer: string): readonly Entry[] {
    return this.#byBuyer.get(buyer) ?? []
  }
}

/** The length keeps buyers and keys apart that are equal when joined. */
function keyOf(buyer: string, key: string): string {
  return `${buyer.length}:${buyer}${key}`
}
