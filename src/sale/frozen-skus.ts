import type { SkuCounts } from '../engine/engine.js'
import type { SaleContext } from './sale-context.js'
import { readTotals } from './totals.js'

/** The counts of a frozen sale, as Redis has them: they lack what it has lost. */
export async function frozenSkus({ client }: SaleContext): Promise<Readonly<Record<string, SkuCounts>>> {
  const call = client.call()
  const rules = await client.learn(call)
  const { skus } = await readTotals(client.partitions.recovering(), call)
  const known = skus.slice(0, rules.rules.skus.length)
  return Object.fromEntries(known.map((counts, index) => [rules.sku(index), counts]))
}
