/** What is to be sent to a buyer. */
export interface Order {
  /** The reservation's id: the order's own number everywhere behind the sale. */
  readonly reservation: string
  readonly items: readonly { readonly sku: string; readonly quantity: number }[]
}

export interface Parcel extends Order {
  state: 'packed' | 'shipped' | 'cancelled'
}

/** What a worker asks of a warehouse. Asked again for the same reservation, each changes nothing: workers do ask again. */
export interface Packing {
  pack(order: Order): Promise<void>
  /** Answers what became of the parcel: what has been shipped comes back as a return. */
  cancel(reservation: string): Promise<'cancelled' | 'shipped'>
}

/**
 * A warehouse in a few lines: one table, keyed by the reservation's id. In SQL `pack` is
 *
 *     INSERT INTO parcels (reservation, items) VALUES ($1, $2) ON CONFLICT (reservation) DO NOTHING
 *
 * and a carrier or a payment provider takes the same id as its idempotency key.
 */
export class Warehouse implements Packing {
  readonly #table = new Map<string, Parcel>()
  /** Parcels packed and not cancelled, and the units in them. */
  parcels = 0
  units = 0
  cancelled = 0
  /** Orders it was told of again. */
  repeats = 0

  async pack({ reservation, items }: Order): Promise<void> {
    // Whatever it was told first stays: it is packed, or was cancelled meanwhile.
    if (this.#table.has(reservation)) {
      this.repeats++
      return
    }
    this.#table.set(reservation, { reservation, items, state: 'packed' })
    this.parcels++
    this.units += unitsOf(items)
  }

  async cancel(reservation: string): Promise<'cancelled' | 'shipped'> {
    const parcel = this.#table.get(reservation)
    if (!parcel) {
      // Nothing is packed yet. The row stays, so that an order that comes late, or once more, is not packed after all.
      this.#table.set(reservation, { reservation, items: [], state: 'cancelled' })
      this.cancelled++
    } else if (parcel.state === 'packed') {
      parcel.state = 'cancelled'
      this.parcels--
      this.units -= unitsOf(parcel.items)
      this.cancelled++
    }
    return parcel?.state === 'shipped' ? 'shipped' : 'cancelled'
  }

  /** The van takes what is packed. Answers how many parcels it took. */
  ship(): number {
    let shipped = 0
    for (const parcel of this.#table.values()) {
      if (parcel.state !== 'packed') continue
      parcel.state = 'shipped'
      shipped++
    }
    return shipped
  }

  /** All that was packed and not cancelled. */
  *shipments(): Generator<Parcel> {
    for (const parcel of this.#table.values()) if (parcel.state !== 'cancelled') yield parcel
  }
}

export function unitsOf(items: Order['items']): number {
  return items.reduce((sum, { quantity }) => sum + quantity, 0)
}
