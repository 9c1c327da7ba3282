import type { Item, Reservation } from '../sale/results.js'
import { demand } from './expected-units.js'

type Items = readonly Item[]

/** How the cart of a reservation changed in a group of simultaneous requests. */
interface CartChanges {
  readonly before: Items
  readonly amended: Items[]
  /** What refunds have left. */
  readonly refunded: Items[]
}

/** The reservations of a story, by what the answers said. */
export class ExpectedReservations {
  /** The latest answer for each reservation, by the first of its ids. */
  readonly #answered = new Map<string, Reservation>()
  /** The first id of each reservation that was transferred, by its later ones. */
  readonly #firstIds = new Map<string, string>()
  readonly #confirmed = new Set<string>()
  readonly #due = new Set<string>()
  readonly #changes = new Map<string, CartChanges>()

  get ids(): string[] {
    return [...this.#answered.keys()]
  }

  get confirmed(): Iterable<string> {
    return this.#confirmed
  }

  get all(): Iterable<Reservation> {
    return this.#answered.values()
  }

  /**
   * The last of several concurrent answers need not be the newest: here an ended reservation stays
   * ended.
   */
  hear(reservation: Reservation, first = reservation.id): void {
    if (reservation.id !== first) this.#firstIds.set(reservation.id, first)
    const before = this.#answered.get(first)
    if (before && rank(before) > rank(reservation)) return
    this.#answered.set(first, reservation)
    if (reservation.state === 'refunded') this.#confirmed.delete(first)
  }

  confirm(id: string): void {
    demand(!this.#due.has(id), `${id} was told refund_due, and confirmed later`)
    this.#confirmed.add(id)
  }

  refundDue(id: string): void {
    this.#due.add(id)
  }

  /** Its cart may change in this group: called before any answer of the group has arrived. */
  mayChange(id: string): CartChanges {
    const known = this.#changes.get(id)
    if (known) return known
    const changes = { before: this.#answered.get(id)!.items, amended: [], refunded: [] }
    this.#changes.set(id, changes)
    return changes
  }

  /**
   * Looks at each reservation of which the latest state is not known: of several changes at once,
   * which was the last. Its cart must be that of one of them, and its own if none was made.
   *
   * @param onDropped Told which units its amends have given back at least.
   */
  async lookUp(
    get: (id: string) => Promise<Reservation | undefined>,
    onDropped: (items: Items) => void,
  ): Promise<void> {
    for (const id of new Set([...this.#firstIds.values(), ...this.#changes.keys()])) {
      const present = await get(id)
      demand(present !== undefined, `${id} was answered before, and is not found now`)
      this.#answered.set(id, present!)
      const changes = this.#changes.get(id)
      if (!changes) continue
      const { before, amended, refunded } = changes
      const last = refunded.length > 0 ? refunded : amended.length > 0 ? amended : [before]
      demand(
        last.some((items) => isSameCart(items, present!.items)),
        `${id} has ${cartOf(present!.items)}, and was told ${last.map(cartOf).join(', or ')}`,
      )
      onDropped(dropped(before, amended))
    }
    this.#changes.clear()
  }
}

function rank({ state }: Reservation): number {
  return { held: 0, confirmed: 1, released: 2, expired: 2, refunded: 2, transferred: 2 }[state]
}

export function isSameCart(items: Items, others: Items): boolean {
  const [units, other] = [unitsIn(items), unitsIn(others)]
  return units.size === other.size && [...units].every(([sku, quantity]) => other.get(sku) === quantity)
}

/** What each order of these amends gives back. */
function dropped(before: Items, amended: readonly Items[]): Item[] {
  const carts = amended.map(unitsIn)
  return [...unitsIn(before)].map(([sku, quantity]) => {
    const least = Math.min(quantity, ...carts.map((units) => units.get(sku) ?? 0))
    return { sku, quantity: quantity - least }
  })
}

function unitsIn(items: Items): Map<string, number> {
  const units = new Map<string, number>()
  for (const { sku, quantity } of items) units.set(sku, (units.get(sku) ?? 0) + quantity)
  return units
}

function cartOf(items: Items): string {
  return [...unitsIn(items)].map(([sku, quantity]) => `${quantity} ${sku}`).join(' + ')
}
