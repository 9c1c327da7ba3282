import type { Cart, Rules } from '../../engine/engine.js'
import { highestLimitOf, highestSharedLimitOf } from '../../engine/rules.js'

/** A limit that a cart exceeds. */
export interface Exceeded {
  readonly sku: number
  readonly limit: number
  /** Units that the buyer has. */
  readonly taken: number
  /** The SKUs that share the limit. */
  readonly shared?: ReadonlySet<number> | undefined
}

/** Units held and confirmed, by buyer and SKU. */
export class BuyersUnits {
  readonly #units = new Map<string, Map<number, number>>()
  #rules: Rules
  #shared: readonly ReadonlySet<number>[] = []

  constructor(rules: Rules) {
    this.#rules = rules
    this.update(rules)
  }

  update(rules: Rules): void {
    this.#rules = rules
    this.#shared = (rules.limits ?? []).map(({ skus }) => new Set(skus))
  }

  add(buyer: string, sku: number, quantity: number): void {
    const units = this.#units.get(buyer) ?? new Map<number, number>()
    const taken = (units.get(sku) ?? 0) + quantity
    if (taken === 0) units.delete(sku)
    else units.set(sku, taken)
    if (units.size === 0) this.#units.delete(buyer)
    else this.#units.set(buyer, units)
  }

  /**
   * The first limit that the cart would exceed: of its SKUs in their order, then of several SKUs.
   *
   * @param ever Takes the highest limits that were ever in force.
   * @param own The cart in whose place it comes: its units count no more, and where the cart has no
   *   more units than it, no limit is exceeded.
   */
  exceeded(buyer: string, cart: Cart, ever: boolean, own: Cart): Exceeded | undefined {
    const units = this.#units.get(buyer) ?? new Map<number, number>()
    const before = new Map(own)
    const more = cart.filter(([sku, quantity]) => quantity > (before.get(sku) ?? 0))
    for (const [sku, quantity] of more) {
      const rule = this.#rules.skus[sku]!
      const limit = ever ? highestLimitOf(rule) : rule.limit
      const taken = (units.get(sku) ?? 0) - (before.get(sku) ?? 0)
      if (limit !== null && taken + quantity > limit) return { sku, limit, taken }
    }
    for (const [i, shared] of this.#shared.entries()) {
      const rule = this.#rules.limits![i]!
      const limit = ever ? highestSharedLimitOf(rule) : rule.perBuyer
      const given = unitsOf(own, shared)
      const wanted = unitsOf(cart, shared)
      const taken = unitsOf(units, shared) - given
      if (limit === null || wanted <= given || taken + wanted <= limit) continue
      const [sku] = more.find(([one]) => shared.has(one))!
      return { sku, limit, taken, shared }
    }
    return undefined
  }
}

function unitsOf(units: Iterable<readonly [number, number]>, skus: ReadonlySet<number>): number {
  let sum = 0
  for (const [sku, quantity] of units) if (skus.has(sku)) sum += quantity
  return sum
}
