import type { Item, Stats } from '../sale/results.js'

/** The units that a sale must have, by what the answers said. */
export class ExpectedUnits {
  readonly #returnsTo: Readonly<Record<string, string>>
  /**
   * The most units that each SKU may have, by what was added, removed and came back. A SKU that
   * others return to may have more: holds expire at any time. A SKU whose units return to another
   * is not among them once it was counted: units that are owed do not return.
   */
  readonly #most: Map<string, number>
  /** The units of all SKUs, less those that are owed. */
  #total: number
  /** The stock counts since the latest check. */
  readonly #counted = new Map<string, number>()

  constructor(stock: Readonly<Record<string, number>>, returnsTo: Readonly<Record<string, string>>) {
    this.#returnsTo = returnsTo
    this.#most = new Map(Object.entries(stock))
    this.#total = Object.values(stock).reduce((sum, units) => sum + units, 0)
  }

  /** Units were added to the sale, or removed. */
  add(sku: string, quantity: number): void {
    this.#total += quantity
    this.#may(sku, quantity)
  }

  move(from: string, to: string, quantity: number): void {
    this.#may(from, -quantity)
    this.#may(to, quantity)
  }

  /** Units became those of another SKU, or may have become its own again: for a late payment. */
  redirect(items: readonly Item[], sign: 1 | -1): void {
    for (const { sku, quantity } of items)
      if (this.#returnsTo[sku] !== undefined) this.#may(sku, sign * quantity)
  }

  /** A stock count was carried out. */
  count(sku: string, total: number): void {
    this.#counted.set(sku, total)
  }

  /** @param isOnly Whether there was one request since the check before. */
  check(skus: Stats['skus'], isOnly: boolean): void {
    for (const [sku, { total, available, held, confirmed, inTransit }] of Object.entries(skus)) {
      const counts = JSON.stringify({ total, available, held, confirmed, inTransit })
      demand(total === available + held + confirmed + inTransit, `${sku}: the parts do not add up: ${counts}`)
      demand(
        Math.min(total, available, held, confirmed, inTransit) >= 0,
        `${sku}: a count is negative: ${counts}`,
      )
    }
    if (this.#counted.size > 0) this.#adopt(skus, isOnly)
    const total = Object.values(skus).reduce((sum, counts) => sum + unitsOf(counts), 0)
    demand(total === this.#total, `there are ${total} units of all SKUs in place of ${this.#total}`)
    for (const sku of Object.keys(this.#returnsTo)) {
      const [units, most] = [unitsOf(skus[sku]!), this.#most.get(sku) ?? Infinity]
      demand(units <= most, `${sku}: ${units} units, and all but ${most} became units of another SKU`)
    }
  }

  /** How many units a count has added is known if nothing else can have changed them. */
  #adopt(skus: Stats['skus'], isOnly: boolean): void {
    const isCertain = isOnly && Object.keys(this.#returnsTo).length === 0
    for (const [sku, total] of this.#counted) {
      const units = unitsOf(skus[sku]!)
      demand(!isCertain || units === total, `${sku}: ${units} units, and the count says ${total}`)
      if (isCertain) this.#total += units - this.#most.get(sku)!
      if (this.#returnsTo[sku] === undefined) this.#most.set(sku, units)
      else this.#most.delete(sku)
    }
    if (!isCertain) this.#total = Object.values(skus).reduce((sum, counts) => sum + unitsOf(counts), 0)
    this.#counted.clear()
  }

  #may(sku: string, more: number): void {
    const most = this.#most.get(sku)
    if (most !== undefined) this.#most.set(sku, most + more)
  }
}

/** The units of a SKU once those that are owed have left. */
function unitsOf({ total, owed = 0 }: Stats['skus'][string]): number {
  return total - owed
}

export function demand(holds: boolean, message: string): void {
  if (!holds) throw new Error(message)
}
