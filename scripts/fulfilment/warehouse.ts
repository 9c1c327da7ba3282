/** What is shipped to a buyer. */
export interface Order {
  /** The id of the reservation, which is the order number everywhere behind the sale. */
  readonly reservation: string
  readonly items: readonly { readonly sku: string; readonly quantity: number }[]
}

export interface Parcel extends Order {
  state: 'packed' | 'shipped' | 'cancelled'
}

/**
 * What a worker calls. A repeated call for the same reservation changes nothing, since workers do
 * repeat calls.
 */
export interface Packing {
  pack(order: Order): Promise<void>
  /** Cancels the parcel unless it has been shipped; a shipped parcel comes back as a return. */
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
  /** Repeated calls. */
  repeats = 0

  async pack({ reservation, items }: Order): Promise<void> {
    // The first call counts: the order is packed, or was cancelled meanwhile.
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
      // The order is not packed yet. The row keeps a late or repeated order from being packed.
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

  /** Ships the packed parcels, and answers how many. */
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
