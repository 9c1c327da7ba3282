import type { Counted } from '../../engine/engine.js'

/** A move between SKUs that was carried out, by its key. */
export interface Moved {
  readonly from: number
  readonly to: number
  readonly quantity: number
  readonly applied: number
}

/** A stock count, as its key remembers it. */
export interface Count extends Counted {
  readonly sku: number
  readonly total: number
  readonly key: string
  /** The debt before the count. */
  readonly owedBefore: number
  readonly complete: boolean
}

/** The stock counts of partition 0. */
export class Counts {
  readonly #byKey = new Map<string, Count>()
  /** By SKU. */
  readonly #newest = new Map<number, Count>()

  find(key: string): Count | undefined {
    return this.#byKey.get(key)
  }

  newest(sku: number): Count | undefined {
    const newest = this.#newest.get(sku)
    return newest && this.find(newest.key)
  }

  note(count: Count): void {
    this.#byKey.set(count.key, count)
    const newest = this.newest(count.sku)
    if (!newest || count.countedAt >= newest.countedAt) this.#newest.set(count.sku, count)
  }
}
