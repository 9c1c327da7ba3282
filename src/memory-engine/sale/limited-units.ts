import type { Cart, Rules } from '../../engine/engine.js'
import { limitOf, sharedLimitOf, type Whose } from '../../engine/rules.js'

/** A limit that a cart exceeds. */
export interface Exceeded {
  readonly sku: number
  readonly limit: number
  /** Units that the buyer or the household has. */
  readonly taken: number
  /** The SKUs that share the limit. */
  readonly shared?: ReadonlySet<number> | undefined
  /** The household, if the limit is of households. */
  readonly household?: string | undefined
}

/** Units held and confirmed that a limit counts: by SKU, and by buyer or by household. */
export class LimitedUnits {
  readonly #whose: Whose
  readonly #units = new Map<string, Map<number, number>>()
  #rules: Rules
  #shared: readonly ReadonlySet<number>[] = []

  constructor(rules: Rules, whose: Whose) {
    this.#whose = whose
    this.#rules = rules
    this.update(rules)
  }

  update(rules: Rules): void {
    this.#rules = rules
    this.#shared = (rules.limits ?? []).map(({ skus }) => new Set(skus))
  }

  /** @param name The buyer or the household; missing: they count for none. */
  add(name: string | undefined, sku: number, quantity: number): void {
    if (name === undefined) return
    const units = this.#units.get(name) ?? new Map<number, number>()
    const taken = (units.get(sku) ?? 0) + quantity
    if (taken === 0) units.delete(sku)
    else units.set(sku, taken)
    if (units.size === 0) this.#units.delete(name)
    else this.#units.set(name, units)
  }

  /**
   * The first limit that the cart would exceed: of its SKUs in their order, then of several SKUs.
   *
   * @param ever Takes the highest limits that were ever in force.
   * @param own The cart in whose place it comes: its units count no more, and where the cart has no
   *   more units than it, no limit is exceeded.
   */
  exceeded(name: string | undefined, cart: Cart, ever: boolean, own: Cart): Exceeded | undefined {
    if (name === undefined) return undefined
    const whose = this.#whose
    const named = whose === 'household' ? { household: name } : {}
    const units = this.#units.get(name) ?? new Map<number, number>()
    const before = new Map(own)
    const more = cart.filter(([sku, quantity]) => quantity > (before.get(sku) ?? 0))
    for (const [sku, quantity] of more) {
      const limit = limitOf(this.#rules.skus[sku]!, whose, ever)
      const taken = (units.get(sku) ?? 0) - (before.get(sku) ?? 0)
      if (limit !== null && taken + quantity > limit) return { sku, limit, taken, ...named }
    }
    for (const [i, shared] of this.#shared.entries()) {
      const limit = sharedLimitOf(this.#rules.limits![i]!, whose, ever)
      const given = unitsOf(own, shared)
      const wanted = unitsOf(cart, shared)
      const taken = unitsOf(units, shared) - given
      if (limit === null || wanted <= given || taken + wanted <= limit) continue
      const [sku] = more.find(([one]) => shared.has(one))!
      return { sku, limit, taken, shared, ...named }
    }
    return undefined
  }
}

function unitsOf(units: Iterable<readonly [number, number]>, skus: ReadonlySet<number>): number {
  let sum = 0
  for (const [sku, quantity] of units) if (skus.has(sku)) sum += quantity
  return sum
}
