import type { Cart, Rules, SkuCounts } from '../../engine/engine.js'
import { type Exceeded, LimitedUnits } from './limited-units.js'

/** For whom units count: a reservation, or the receiver of one. */
export interface Owner {
  readonly buyer: string
  readonly household?: string | undefined
}

type Part = Exclude<keyof SkuCounts, 'owed'>
type Counts = Record<Part, number>

/**
 * The units of one partition, by SKU and by owner. Counts change only in this class, so it alone
 * ensures that they add up.
 */
export class Stock {
  readonly #counts: Counts[] = []
  /** By SKU, where there are any: units owed, or below zero the claim; see `withhold`. */
  readonly #owed = new Map<number, number>()
  readonly #ofBuyers: LimitedUnits
  readonly #ofHouseholds: LimitedUnits

  /** @param rules With this partition's part of the stock. */
  constructor(rules: Rules) {
    this.#ofBuyers = new LimitedUnits(rules, 'buyer')
    this.#ofHouseholds = new LimitedUnits(rules, 'household')
    this.update(rules)
  }

  /** Other limits, and perhaps new SKUs at the end. */
  update(rules: Rules): void {
    this.#ofBuyers.update(rules)
    this.#ofHouseholds.update(rules)
    for (const { stock } of rules.skus.slice(this.#counts.length))
      this.#counts.push({ total: stock, available: stock, held: 0, confirmed: 0, inTransit: 0 })
  }

  /** Whether all SKUs of these units are known here. */
  knows(units: readonly (readonly [sku: number, quantity: number])[]): boolean {
    return units.every(([sku]) => sku < this.#counts.length)
  }

  of(sku: number): SkuCounts {
    return this.#counts[sku]!
  }

  /** Units that this partition owes, or below zero those that it passes on to partition 0. */
  owed(sku: number): number {
    return this.#owed.get(sku) ?? 0
  }

  setOwed(sku: number, owed: number): void {
    if (owed === 0) this.#owed.delete(sku)
    else this.#owed.set(sku, owed)
  }

  /** The counts of these SKUs in their order, or of all. */
  snapshot(skus?: readonly number[]): SkuCounts[] {
    return (skus ?? [...this.#counts.keys()]).map((sku) => {
      const owed = this.owed(sku)
      return owed > 0 ? { ...this.of(sku), owed } : { ...this.of(sku) }
    })
  }

  /**
   * The first limit that the cart would exceed: of the buyer, then of the household; see
   * {@link LimitedUnits.exceeded}.
   */
  overLimit({ buyer, household }: Owner, cart: Cart, ever: boolean, own: Cart = []): Exceeded | undefined {
    return (
      this.#ofBuyers.exceeded(buyer, cart, ever, own) ??
      this.#ofHouseholds.exceeded(household, cart, ever, own)
    )
  }

  /** The first SKU of the cart with fewer units available than requested. */
  lacking(cart: Cart): number | undefined {
    return cart.find(([sku, quantity]) => this.of(sku).available < quantity)?.[0]
  }

  take(owner: Owner, cart: Cart, into: 'held' | 'confirmed'): void {
    for (const [sku, quantity] of cart) this.#move(sku, 'available', into, quantity)
    this.#count(owner, cart, 1)
  }

  confirm(cart: Cart): void {
    for (const [sku, quantity] of cart) this.#move(sku, 'held', 'confirmed', quantity)
  }

  giveBack(owner: Owner, cart: Cart, from: 'held' | 'confirmed'): void {
    for (const [sku, quantity] of cart) this.#move(sku, from, 'available', quantity)
    this.#count(owner, cart, -1)
  }

  /** Units that change place together with their reservation. They count for the same buyer. */
  carry(cart: Cart, from: 'held' | 'confirmed' | 'inTransit', to: 'held' | 'confirmed' | 'inTransit'): void {
    for (const [sku, quantity] of cart) this.#move(sku, from, to, quantity)
  }

  /** The units count for another buyer, or for none more. */
  countFor(cart: Cart, sender: Owner | null, receiver: Owner | null): void {
    if (sender !== null) this.#count(sender, cart, -1)
    if (receiver !== null) this.#count(receiver, cart, 1)
  }

  /** Confirmed units leave the sale. */
  remove(owner: Owner, cart: Cart): void {
    this.giveBack(owner, cart, 'confirmed')
    for (const [sku, quantity] of cart) this.restock(sku, -quantity)
  }

  /** Adds units, or takes out available ones as far as there are any. Returns the change. */
  restock(sku: number, quantity: number): number {
    const counts = this.#counts[sku]!
    // Not `-available`: the answer is never -0.
    const applied = Math.max(quantity, 0 - counts.available)
    counts.available += applied
    counts.total += applied
    return applied
  }

  /** Sends units to other partitions, or receives them if `quantity` is negative. */
  send(sku: number, quantity: number): void {
    this.#move(sku, 'available', 'inTransit', quantity)
  }

  #count({ buyer, household }: Owner, cart: Cart, sign: 1 | -1): void {
    for (const [sku, quantity] of cart) {
      this.#ofBuyers.add(buyer, sku, sign * quantity)
      this.#ofHouseholds.add(household, sku, sign * quantity)
    }
  }

  #move(sku: number, from: Part, to: Part, quantity: number): void {
    const counts = this.#counts[sku]!
    counts[from] -= quantity
    counts[to] += quantity
  }
}
