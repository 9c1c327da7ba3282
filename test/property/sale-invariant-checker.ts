import type { Engine, SkuCounts } from '../../src/engine/engine.js'
import { sumCounts } from '../../src/sale/totals.js'
import { demand } from '../model/violation.js'
import { Witness } from './invariant-checker.js'

/** Looks at all partitions of a sale. */
export class SaleWitness {
  readonly #witnesses: readonly Witness[]

  private constructor(witnesses: readonly Witness[]) {
    this.#witnesses = witnesses
  }

  static async of(engine: Engine, sale: string, partitions: number): Promise<SaleWitness> {
    const indices = Array.from({ length: partitions }, (_, index) => index)
    return new SaleWitness(
      await Promise.all(indices.map((index) => Witness.of(engine, sale, index, partitions))),
    )
  }

  /** As {@link Witness.look}; the counts are those of the sale. */
  async look(): Promise<readonly SkuCounts[]> {
    const counts = sumCounts(await Promise.all(this.#witnesses.map((witness) => witness.look())))
    for (const [sku, { inTransit }] of counts.entries())
      demand(inTransit === 0, 'conservation', () => `${inTransit} of SKU ${sku} are in transit`)
    return counts
  }
}
