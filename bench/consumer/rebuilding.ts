import { performance } from 'node:perf_hooks'
import { PLENTY, requestOf, SKU } from '../../scripts/lib/load/sale.js'
import { FlashSale } from '../../src/index.js'
import { sourceOf } from '../../src/sale/flash-sale.js'
import type { Database, TestBed } from './test-bed.js'

export interface Rebuilding {
  readonly reservations: number
  /** How many of each state. */
  readonly states: Readonly<Record<string, number>>
  /**
   * Seconds to make the sale, to rebuild it from the ledger, and to compare it with the ledger
   * afterwards.
   */
  readonly made: number
  readonly rebuilt: number
  readonly compared: number
}

/** At a time. */
const WAVE = 2_000
/** The hold of a buyer who never pays. */
const SHORT_MS = 1
const LONG_MS = 1_800_000

/** Redis loses a sale that the ledger has, and a process that knows nothing of it rebuilds it. */
export async function rebuilding(
  testBed: TestBed,
  database: Database,
  reservations: number,
): Promise<Rebuilding> {
  const { invariants } = testBed
  const { ledger, schema } = await database.ledger()
  const id = 'lost'
  const old = new FlashSale(id, { engine: testBed.engine, deadlineMs: 60_000, maxInFlight: 10_000_000 })
  await old.create({ stock: { [SKU]: PLENTY }, limitPerBuyer: 2 })
  const made = await timed(() => make(old, reservations))
  // `reconcile` writes what the ledger does not have yet.
  const full = await ledger.reconcile(old)
  const before = await stateOf(old)
  await old.close()
  invariants.check(
    'before it is lost, the ledger agrees with the sale',
    full.ok && full.checked === reservations && before.audit.ok,
    `${full.checked} of ${reservations} compared, ${full.differing.count} differing`,
  )

  await testBed.loseRedis()
  const engine = testBed.freshEngine()
  const fresh = new FlashSale(id, { engine, deadlineMs: 60_000, maxInFlight: 10_000_000 })
  const gone = await fresh.stats().then(
    () => 'it is there',
    ({ code }) => code,
  )
  invariants.check('the sale is gone', gone === 'NOT_FOUND', gone)
  let refused = 0
  const rebuilt = await timed(async () => {
    const recovery = await fresh.recover({ from: ledger })
    refused = recovery.refused.length
    invariants.check(
      'every reservation is rebuilt, and none is refused',
      refused === 0 && recovery.restored === reservations,
      `${recovery.restored} of ${reservations} restored, ${refused} refused`,
    )
  })
  const after = await stateOf(fresh)
  const compared = await timed(async () => {
    const again = await ledger.reconcile(fresh)
    invariants.check(
      'after that, sale and ledger agree again',
      again.ok && again.checked === reservations,
      `${again.checked} compared, ${again.missing.count} missing, ${again.differing.count} differing (${JSON.stringify(again.differing.reservations[0])}), ${again.unknown.count} unknown`,
    )
  })
  check(testBed, before, after)
  const rows = await database.pool.query(
    `SELECT count(*)::int AS count FROM ${schema}.reservations WHERE sale = $1 AND state <> 'forgotten'`,
    [id],
  )
  invariants.check(
    'the ledger has as many rows as before',
    rows.rows[0].count === reservations,
    `${rows.rows[0].count} of ${reservations}`,
  )
  await fresh.close()
  await engine.close()
  const states: Record<string, number> = {}
  for (const { state } of before.all.values()) states[state] = (states[state] ?? 0) + 1
  return { reservations, states, made, rebuilt, compared }
}

async function make(sale: FlashSale, count: number): Promise<void> {
  for (let first = 0; first < count; first += WAVE) {
    const wave = Array.from({ length: Math.min(WAVE, count - first) }, (_, i) => first + i)
    await Promise.all(wave.map((n) => live(sale, n)))
  }
}

/**
 * Of ten buyers four pay, two hold, one releases, one lets the hold expire, one is refunded, one
 * pays after a release.
 */
async function live(sale: FlashSale, n: number): Promise<void> {
  const kind = n % 10
  const result = await sale.reserve({ ...requestOf(n), holdMs: kind === 7 ? SHORT_MS : LONG_MS })
  if (result.status !== 'reserved') throw new Error(`a reservation was ${result.status}`)
  const { id } = result.reservation
  const paymentId = `payment-${n}`
  if (kind === 6 || kind === 9) await sale.release(id)
  if (kind < 4 || kind >= 8) await sale.confirm(id, { paymentId })
  if (kind === 8) await sale.refund(id, { restock: n % 20 < 10 })
}

interface State {
  readonly audit: Awaited<ReturnType<FlashSale['audit']>>
  readonly all: ReadonlyMap<string, { readonly state: string; readonly text: string }>
}

/**
 * Every reservation of the sale. Its creation time is not compared: in a rebuilt sale it is the
 * time of the rebuild.
 */
async function stateOf(sale: FlashSale): Promise<State> {
  // The audit sweeps, so that expired holds are told as expired.
  const audit = await sale.audit()
  const source = sourceOf(sale)
  const all = new Map<string, { state: string; text: string }>()
  for (let cursor: string | undefined; cursor !== '0'; ) {
    const page = await source.scan(0, cursor ?? '0')
    for (const { id, buyer, cart, key, state, paymentId } of page.reservations)
      all.set(id, { state, text: JSON.stringify({ buyer, cart, key, state, paymentId }) })
    cursor = page.cursor
  }
  return { audit, all }
}

function check({ invariants }: TestBed, before: State, after: State): void {
  const { ok, skus, violations, reservations } = after.audit
  invariants.check('the audit of the rebuilt sale finds no violation', ok, violations[0]?.message)
  invariants.check(
    'the rebuilt sale has the units it had: available, held and confirmed',
    JSON.stringify(skus) === JSON.stringify(before.audit.skus) && reservations === before.audit.reservations,
    `${JSON.stringify(skus)}, had ${JSON.stringify(before.audit.skus)}`,
  )
  const lost = [...before.all.keys()].filter((id) => !after.all.has(id))
  const changed = [...before.all].filter(
    ([id, { text }]) => after.all.has(id) && after.all.get(id)!.text !== text,
  )
  const [example] = changed
  invariants.check(
    'the rebuilt sale has every reservation by its id, in its state, and no other',
    lost.length + changed.length === 0 && after.all.size === before.all.size,
    `${lost.length} lost, ${changed.length} changed, ${after.all.size} of ${before.all.size}; ${example?.[1].text} became ${example && after.all.get(example[0])!.text}`,
  )
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await work()
  return (performance.now() - start) / 1_000
}
