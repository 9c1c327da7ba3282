import type { Units } from '../../engine/engine.js'

/** All units ever moved in one direction between this partition and others. They only grow. */
export class Transfers {
  readonly #units = new Map<number, Map<number, number>>()

  add(other: number, sku: number, quantity: number): void {
    const units = this.#units.get(other) ?? new Map<number, number>()
    this.#units.set(other, units.set(sku, (units.get(sku) ?? 0) + quantity))
  }

  /** The units of these SKUs. */
  of(other: number, skus: readonly number[]): Units {
    const named = new Set(skus)
    return this.#with(other).filter(([sku]) => named.has(sku))
  }

  all(): [other: number, units: Units][] {
    return [...this.#units.keys()].sort((a, b) => a - b).map((other) => [other, this.#with(other)])
  }

  /** By how much these units exceed those counted here, where they do. */
  beyond(other: number, units: Units): Units {
    const known = this.#units.get(other)
    return units
      .map(([sku, quantity]) => [sku, quantity - (known?.get(sku) ?? 0)] as const)
      .filter(([, quantity]) => quantity > 0)
  }

  #with(other: number): Units {
    return [...(this.#units.get(other) ?? [])].sort(([a], [b]) => a - b)
  }
}
