import type { SkuCounts } from '../../src/engine/engine.js'
import { sumCounts } from '../../src/sale/totals.js'
import { demand } from '../model/violation.js'
import type { TimedEngine } from '../support/engines.js'
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
  /** By partition, as of the latest look. */
  readonly #counts: (readonly SkuCounts[])[] = []

  private constructor(checkers: readonly InvariantChecker[]) {
    this.#checkers = checkers
  }

  static async of(timed: TimedEngine, sale: string, partitions: number): Promise<SaleInvariantChecker> {
    const indices = Array.from({ length: partitions }, (_, index) => index)
    return new SaleInvariantChecker(
      await Promise.all(indices.map((index) => InvariantChecker.of(timed, sale, index, partitions))),
    )
  }

  /**
   * As {@link InvariantChecker.look}; the counts are those of the sale. After a stock count units
   * may be on their way to partition 0 until a call needs them: they are available.
   *
   * @param isAsked Whether a partition may have changed since the latest look; others are not
   *   looked at again. @default all
   */
  async look(isAsked: (partition: number) => boolean = () => true): Promise<readonly SkuCounts[]> {
    const look = async (checker: InvariantChecker, partition: number) => {
      if (isAsked(partition) || !this.#counts[partition]) this.#counts[partition] = await checker.look()
    }
    await Promise.all(this.#checkers.map(look))
    const counts = sumCounts(this.#counts)
    for (const [sku, { inTransit }] of counts.entries())
      demand(
        inTransit === 0 || this.mayTravel,
        'conservation',
        () => `${inTransit} of SKU ${sku} are in transit`,
      )
    return counts.map(arrived)
  }
}
