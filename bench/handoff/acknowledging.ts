import { CALLERS } from '../../scripts/lib/load/sale.js'
import { reserveTogether, type Together } from './reserving.js'
import type { Database, Site } from './site.js'

/** Reservations a second, and how long an answer took, in ms. */
export interface Pace {
  readonly perSecond: number
  readonly p50: number
  readonly p99: number
}

export interface AcknowledgingRound {
  /** One process, answered when Redis has it. */
  readonly memory: Pace
  /** One process, answered when the ledger has it. */
  readonly ledger: Pace
  /** Two processes that write the same ledger. */
  readonly shared: Pace
  /** One process, at half of the rate that it had above; who comes waits for nobody. */
  readonly half: Pace
}

export async function acknowledgingRound(
  site: Site,
  database: Database,
  seconds: number,
): Promise<AcknowledgingRound> {
  const callers = { callers: CALLERS }
  const memory = await round(site, undefined, 1, seconds, callers)
  const ledger = await round(site, database, 1, seconds, callers)
  const shared = await round(site, database, 2, seconds, callers)
  const half = await round(site, database, 1, seconds, { perSecond: ledger.perSecond / 2 })
  return { memory, ledger, shared, half }
}

async function round(
  site: Site,
  database: Database | undefined,
  processes: number,
  seconds: number,
  load: { readonly callers: number } | { readonly perSecond: number },
): Promise<Pace> {
  const { invariants } = site
  const sale = await site.sale()
  const kept = await database?.ledger()
  const together = await reserveTogether(
    site.reservers.slice(0, processes),
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
      'what was answered is in the ledger, before anything else is done',
      missing === 0,
      `${sale.sale.id}: ${missing} of ${together.ids.length} are not`,
    )
    const { length } = together.ids
    const all = { reservations: length, events: length }
    await database.check(kept.ledger, kept.schema, sale.sale, all, invariants)
  }
  await sale.finish(invariants, { audit: processes > 1 })
  await site.clear()
  return paceOf(together)
}

function paceOf({ perSecond, latency }: Together): Pace {
  return { perSecond, p50: latency.at(0.5), p99: latency.at(0.99) }
}
