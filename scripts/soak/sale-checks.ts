import { FlashSale, redisEngine } from '../../src/index.js'
import { postgresLedger } from '../../src/postgres.js'
import type { FaultyServers } from './faulty-servers.js'
import type { ClosedSale } from './messages.js'

/**
 * Audits each sale, and compares it with the answers of its buyers and with the ledger; answers the
 * differences.
 */
export async function checkSales(
  { redis, pool }: Pick<FaultyServers, 'redis' | 'pool'>,
  sales: readonly ClosedSale[],
  onProgress: (done: number) => void,
): Promise<string[]> {
  const engine = redisEngine(redis.url)
  const ledger = postgresLedger(pool)
  const found: string[] = []
  try {
    for (const [done, closed] of sales.entries()) {
      await using sale = new FlashSale(closed.name, { engine, deadlineMs: 10_000 })
      const { skus, violations } = await sale.audit()
      const differences = [...violations.map(({ message }) => message), ...compare(closed, skus)]
      if (closed.ledger) differences.push(...(await differencesOf(ledger, sale)))
      found.push(...differences.map((difference) => `${closed.name}: ${difference}`))
      onProgress(done + 1)
    }
  } finally {
    await engine.close()
  }
  return found
}

type Skus = Awaited<ReturnType<FlashSale['audit']>>['skus']

/** Checks that no unit is sold twice and no acknowledged order is lost. */
export function* compare({ stock, confirmed }: ClosedSale, skus: Skus): Generator<string> {
  for (const [sku, units] of Object.entries(stock)) {
    const counts = skus[sku]
    const told = confirmed[sku] ?? 0
    if (counts === undefined) {
      yield `${sku} is missing`
      continue
    }
    if (counts.held + counts.confirmed > units)
      yield `${sku}: ${counts.held + counts.confirmed} are sold of ${units}`
    if (counts.confirmed < told)
      yield `${sku}: ${told} were confirmed to buyers, the sale has ${counts.confirmed}`
  }
}

async function differencesOf(ledger: ReturnType<typeof postgresLedger>, sale: FlashSale): Promise<string[]> {
  const { missing, differing, unknown, lostEvents } = await ledger.reconcile(sale)
  const counts = { missing: missing.count, differing: differing.count, unknown: unknown.count, lostEvents }
  return Object.entries(counts).flatMap(([what, count]) =>
    count > 0 ? [`the ledger: ${count} ${what}`] : [],
  )
}
