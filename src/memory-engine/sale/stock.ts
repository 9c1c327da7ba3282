import type { Cart, Rules, SkuCounts } from '../../engine/engine.js'
import { BuyersUnits, type Exceeded } from './buyers-units.js'

type Part = Exclude<keyof SkuCounts, 'owed'>
type Counts = Record<Part, number>

/**
 * The units of one partition, by SKU and by buyer. Counts change only in this class, so it alone
 * ensures that they add up.
 */
export class Stock {
  readonly #counts: Counts[] = []
  /** By SKU, where there are any: units owed, or below zero the claim; see `withhold`. */
  readonly #owed = new Map<number, number>()
  readonly #taken: BuyersUnits

  /** @param rules With this partition's part of the stock. */
  constructor(rules: Rules) {
    this.#taken = new BuyersUnits(rules)
    this.update(rules)
  }

  /** Other limits, and perhaps new SKUs at the end. */
  update(rules: Rules): void {
    this.#taken.update(rules)
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

  /** The first limit that the cart would exceed; see {@link BuyersUnits.exceeded}. */
  overLimit(buyer: string, cart: Cart, ever: boolean, own: Cart = []): Exceeded | undefined {
    return this.#taken.exceeded(buyer, cart, ever, own)
  }

  /** The first SKU of the cart with fewer units available than requested. */
  lacking(cart: Cart): number | undefined {
    return cart.find(([sku, quantity]) => this.of(sku).available < quantity)?.[0]
  }

  take(buyer: string, cart: Cart, into: 'held' | 'confirmed'): void {
    for (const [sku, quantity] of cart) {
      this.#move(sku, 'available', into, quantity)
      this.#taken.add(buyer, sku, quantity)
    }
  }

  confirm(cart: Cart): void {
    for (const [sku, quantity] of cart) this.#move(sku, 'held', 'confirmed', quantity)
  }

  giveBack(buyer: string, cart: Cart, from: 'held' | 'confirmed'): void {
    for (const [sku, quantity] of cart) {
      this.#move(sku, from, 'available', quantity)
      this.#taken.add(buyer, sku, -quantity)
    }
  }

  /** Units that change place together with their reservation. They count for the same buyer. */
  carry(cart: Cart, from: 'held' | 'confirmed' | 'inTransit', to: 'held' | 'confirmed' | 'inTransit'): void {
    for (const [sku, quantity] of cart) this.#move(sku, from, to, quantity)
  }

  /** The units count for another buyer, or for none more. */
  countFor(cart: Cart, sender: string | null, receiver: string | null): void {
    for (const [sku, quantity] of cart) {
      if (sender !== null) this.#taken.add(sender, sku, -quantity)
      if (receiver !== null) this.#taken.add(receiver, sku, quantity)
    }
  }

  /** Confirmed units leave the sale. */
  remove(buyer: string, cart: Cart): void {
    for (const [sku, quantity] of cart) {
      this.#move(sku, 'confirmed', 'available', quantity)
      this.#taken.add(buyer, sku, -quantity)
      this.restock(sku, -quantity)
    }
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

  #move(sku: number, from: Part, to: Part, quantity: number): void {
    const counts = this.#counts[sku]!
    counts[from] -= quantity
    counts[to] += quantity
  }
}
