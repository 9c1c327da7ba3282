import { CALLERS } from '../../scripts/lib/load/sale.js'
import { type JointResult, reserveTogether } from './reserving.js'
import type { Database, TestBed } from './test-bed.js'

/** Reservations a second, and how long an answer took, in ms. */
export interface Rate {
  readonly perSecond: number
  readonly p50: number
  readonly p99: number
}

export interface AcknowledgingRound {
  /** One process, answered when Redis has it. */
  readonly memory: Rate
  /** One process, answered when the ledger has it. */
  readonly ledger: Rate
  /** Two processes that write the same ledger. */
  readonly shared: Rate
  /** One process at half of its rate above; the arrivals do not wait for answers. */
  readonly half: Rate
}

export async function acknowledgingRound(
  testBed: TestBed,
  database: Database,
  seconds: number,
): Promise<AcknowledgingRound> {
  const callers = { callers: CALLERS }
  const memory = await round(testBed, undefined, 1, seconds, callers)
  const ledger = await round(testBed, database, 1, seconds, callers)
  const shared = await round(testBed, database, 2, seconds, callers)
  const half = await round(testBed, database, 1, seconds, { perSecond: ledger.perSecond / 2 })
  return { memory, ledger, shared, half }
}

async function round(
  testBed: TestBed,
  database: Database | undefined,
  processes: number,
  seconds: number,
  load: { readonly callers: number } | { readonly perSecond: number },
): Promise<Rate> {
  const { invariants } = testBed
  const sale = await testBed.sale()
  const kept = await database?.ledger()
  const together = await reserveTogether(
    testBed.reservers.slice(0, processes),
    sale,
    { limit: { seconds }, load, ...(kept && { ledger: kept.schema }) },
    invariants,
  )
  if (database && kept) {
    const { rows } = await database.pool.query(`SELECT id FROM ${kept.schema}.reservations WHERE sale = $1`, [
      sale.sale.id,
    ])
    const known = new Set(rows.map(({ id }) => id))
    const missing = together.ids.filter((id) => !known.has(id)).length
    invariants.check(
      'an acknowledged reservation is in the ledger when its caller is answered',
      missing === 0,
      `${sale.sale.id}: ${missing} of ${together.ids.length} are not`,
    )
    const { length } = together.ids
    const all = { reservations: length, events: length }
    await database.check(kept.ledger, kept.schema, sale.sale, all, invariants)
  }
  await sale.finish(invariants, { audit: processes > 1 })
  await testBed.clear()
  return rateOf(together)
}

function rateOf({ perSecond, latency }: JointResult): Rate {
  return { perSecond, p50: latency.at(0.5), p99: latency.at(0.99) }
}
