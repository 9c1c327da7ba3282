import type { Engine, SkuCounts } from '../../src/engine/engine.js'
import { sumCounts } from '../../src/sale/totals.js'
import { demand } from '../model/violation.js'
import { InvariantChecker } from './invariant-checker.js'

/** The counts of a SKU once its units have arrived. */
export function arrived<T extends SkuCounts>(counts: T): T {
  return { ...counts, available: counts.available + counts.inTransit, inTransit: 0 }
}

/** Looks at all partitions of a sale. */
export class SaleInvariantChecker {
  /** Units may be on their way from one partition to another. */
  mayTravel = false
  readonly #checkers: readonly InvariantChecker[]

  private constructor(checkers: readonly InvariantChecker[]) {
    this.#checkers = checkers
  }

  static async of(engine: Engine, sale: string, partitions: number): Promise<SaleInvariantChecker> {
    const indices = Array.from({ length: partitions }, (_, index) => index)
    return new SaleInvariantChecker(
      await Promise.all(indices.map((index) => InvariantChecker.of(engine, sale, index, partitions))),
    )
  }

  /**
   * As {@link InvariantChecker.look}; the counts are those of the sale. After a stock count units
   * may be on their way to partition 0 until a call needs them: they are available.
   */
  async look(): Promise<readonly SkuCounts[]> {
    const counts = sumCounts(await Promise.all(this.#checkers.map((checker) => checker.look())))
    for (const [sku, { inTransit }] of counts.entries())
      demand(
        inTransit === 0 || this.mayTravel,
        'conservation',
        () => `${inTransit} of SKU ${sku} are in transit`,
      )
    return counts.map(arrived)
  }
}
