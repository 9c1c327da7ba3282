import { chunksOf } from '../common/chunks.js'
import type { Cart, FurtherPayment, KeyedRefund, Rules, StoredReservation } from '../engine/engine.js'
import type { LogOffset } from '../engine/port.js'
import { emptyPayments, emptyRefunds, pushPayment, pushRefund } from './detail-columns.js'
import { paymentsShape, type RefundRow } from './details.js'
import { DetailsComparison, type DetailsDifferences } from './details-comparison.js'
import { emptyReservations, pushStored } from './page.js'
import { paymentValuesOf, type ReservationRow, refundValuesOf } from './rows.js'
import type { SaleWriter } from './sale-writer.js'

/** How often a difference is checked again before it counts: the change may be on its way. */
const LOOKS = 5
/** Reservations checked again at a time. */
const AT_ONCE = 256
/** Ids read from the ledger at a time. */
const PAGE = 5_000

/** The differences, by the reservation's id. */
export interface Differences {
  /** Reservations compared. */
  readonly checked: number
  /** Reservations that only the sale has. */
  readonly missing: string[]
  readonly differing: { readonly id: string; readonly fields: readonly Difference[] }[]
  /** Reservations that only the ledger has. */
  readonly unknown: string[]
  /** Further payments that only the sale has, and those that only the ledger has. */
  readonly payments: DetailsDifferences<FurtherPayment, FurtherPayment>
  /** The same of refunds with a key. */
  readonly refunds: DetailsDifferences<KeyedRefund, RefundRow>
}

/** A field of a reservation that differs between sale and ledger. */
export interface Difference {
  readonly field: string
  readonly sale: unknown
  readonly ledger: unknown
}

/**
 * Compares a partition with the ledger, reservation by reservation, while both change. A scan of
 * the sale finds possible differences: each page is compared once the ledger has reached it. Most
 * of them are reservations that have changed in between, so each is checked again, one by one.
 *
 * @param options `repair`: the ledger's rows are updated to the state of the sale.
 */
export async function compare(
  writer: SaleWriter,
  partition: number,
  { repair = false, timeoutMs = 60_000 }: { repair?: boolean; timeoutMs?: number } = {},
): Promise<Differences> {
  const { source, tables } = writer
  const seen = new Set<string>()
  const before = source.lastSeen(partition)
  const payments = new DetailsComparison(
    writer,
    partition,
    before,
    tables.furtherPayments,
    paymentsShape.nameOf,
  )
  const refunds = new DetailsComparison(
    writer,
    partition,
    before,
    tables.refunds,
    ({ key }: KeyedRefund) => key,
  )
  let doubtful = new Set<string>()
  const caughtUp = async (): Promise<LogOffset> => {
    const offset = source.lastSeen(partition)!
    await writer.waitUntilWritten(partition, offset, source.clock.now() + timeoutMs)
    return offset
  }

  let cursor = '0'
  do {
    const page = await source.scan(partition, cursor)
    await caughtUp()
    await payments.add(page.furtherPayments)
    await refunds.add(page.keyedRefunds)
    const rules = await writer.present()
    const rows = await rowsOf(writer, page.reservations)
    for (const reservation of page.reservations) {
      seen.add(reservation.id)
      if (differences(reservation, rows.get(reservation.id), rules).length > 0) doubtful.add(reservation.id)
    }
    cursor = page.cursor
  } while (cursor !== '0')
  for (let after = ''; ; ) {
    const ids = await tables.ids(source.sale, partition, after, PAGE)
    if (ids.length === 0) break
    for (const id of ids) if (!seen.has(id)) doubtful.add(id)
    after = ids.at(-1)!
  }

  const found: Differences = {
    checked: 0,
    missing: [],
    differing: [],
    unknown: [],
    payments: await payments.end(),
    refunds: await refunds.end(),
  }
  if (repair) await repairDetails(writer, partition, found)
  let checked = seen.size
  for (const id of doubtful) if (!seen.has(id)) checked++
  for (let look = 1; look <= LOOKS && doubtful.size > 0; look++) {
    // The sale reports an expired hold as expired even before the event of its expiry.
    for (let next: number | null = 0; next !== null && next <= source.serverTime(partition); )
      next = await source.sweep(partition)
    const ids = [...doubtful]
    doubtful = new Set()
    for (const some of chunksOf(ids, AT_ONCE)) {
      // What the sale answers has every change up to here, and perhaps later ones.
      const offset = source.lastSeen(partition)!
      const stored = await Promise.all(some.map((id) => source.reservation(partition, id)))
      await caughtUp()
      const rules = await writer.present()
      const rows = new Map((await tables.rows(source.sale, some)).map((row) => [row.id, row]))
      const wrong = some.filter((id, i) => isWrong(stored[i], rows.get(id), rules))
      if (look < LOOKS) for (const id of wrong) doubtful.add(id)
      else {
        // A row that changed since must not become what it was before.
        const settled = wrong.filter((id) => !isLater(rows.get(id), offset))
        await settle(writer, rules, partition, offset, settled, some, stored, rows, repair, found)
      }
    }
  }
  return { ...found, checked }
}

async function repairDetails(
  writer: SaleWriter,
  partition: number,
  { payments, refunds }: Differences,
): Promise<void> {
  const { source, tables } = writer
  const { sale } = source
  const { generation, sequence } = source.lastSeen(partition)!
  const at = { at: source.serverTime(partition), generation, sequence }
  if (payments.unknown.length > 0) await tables.furtherPayments.forget(sale, payments.unknown)
  if (refunds.unknown.length > 0) await tables.refunds.forget(sale, refunds.unknown)
  if (payments.missing.length > 0) {
    const columns = emptyPayments()
    for (const payment of payments.missing) pushPayment(columns, payment, at)
    await tables.furtherPayments.add(sale, partition, paymentValuesOf(columns))
  }
  if (refunds.missing.length > 0) {
    const columns = emptyRefunds()
    const rules = await writer.present()
    for (const refund of refunds.missing) pushRefund(columns, refund, at, rules)
    await tables.refunds.add(sale, partition, refundValuesOf(columns))
  }
}

function isLater(row: ReservationRow | undefined, { generation, sequence }: LogOffset): boolean {
  if (!row) return false
  return row.generation > generation || (row.generation === generation && row.sequence > sequence)
}

function isWrong(
  stored: StoredReservation | undefined,
  row: ReservationRow | undefined,
  rules: Rules,
): boolean {
  if (!stored) return row !== undefined && row.state !== 'forgotten'
  return differences(stored, row, rules).length > 0
}

async function settle(
  { source, tables }: SaleWriter,
  rules: Rules,
  partition: number,
  offset: LogOffset,
  wrong: readonly string[],
  ids: readonly string[],
  stored: readonly (StoredReservation | undefined)[],
  rows: ReadonlyMap<string, ReservationRow>,
  repair: boolean,
  found: Differences,
): Promise<void> {
  const columns = emptyReservations()
  const unknown: string[] = []
  const at = { generation: offset.generation, sequence: offset.sequence, now: source.serverTime(partition) }
  for (const id of wrong) {
    const reservation = stored[ids.indexOf(id)]
    if (!reservation) unknown.push(id)
    else {
      pushStored(columns, reservation, at, rules)
      const fields = differences(reservation, rows.get(id), rules)
      if (rows.has(id)) found.differing.push({ id, fields })
      else found.missing.push(id)
    }
  }
  found.unknown.push(...unknown)
  if (!repair) return
  if (columns.id.length > 0) await tables.upsertFromSale(source.sale, partition, columns)
  if (unknown.length > 0) await tables.forget(source.sale, unknown, offset.generation, offset.sequence)
}

async function rowsOf(
  { source, tables }: SaleWriter,
  reservations: readonly StoredReservation[],
): Promise<ReadonlyMap<string, ReservationRow>> {
  const rows = await tables.rows(
    source.sale,
    reservations.map(({ id }) => id),
  )
  return new Map(rows.map((row) => [row.id, row]))
}

/**
 * The creation time is not compared: after a recovery the sale has the time of the recovery, and
 * the ledger the original one.
 */
function differences(
  stored: StoredReservation,
  row: ReservationRow | undefined,
  { skus }: Rules,
): Difference[] {
  if (!row) return [{ field: 'id', sale: stored.id, ledger: undefined }]
  const pairs: [field: string, sale: unknown, ledger: unknown][] = [
    ['state', stored.state, row.state],
    ['expiresAt', stored.expiresAt, row.expiresAt],
    ['paymentId', stored.paymentId, row.paymentId],
    ['buyer', stored.buyer, row.buyer],
    ['household', stored.household ?? null, row.household],
    ['key', stored.key, row.key],
    ['changes', stored.changes?.count ?? 0, row.changes],
  ]
  const found = pairs.filter(([, sale, ledger]) => sale !== ledger)
  const named = (cart: Cart) =>
    Object.fromEntries(cart.map(([skuIndex, units]) => [skus[skuIndex]!.sku, units]))
  const carts = [
    ['items', stored.cart, row.items],
    ['firstItems', stored.changes?.first ?? [], row.firstItems ?? new Map()],
    ['orderedItems', stored.changes?.ordered?.cart ?? [], row.ordered?.items ?? new Map()],
  ] as const
  for (const [field, cart, known] of carts) {
    const same =
      cart.length === known.size && cart.every(([sku, units]) => known.get(skus[sku]!.sku) === units)
    if (!same) found.push([field, named(cart), Object.fromEntries(known)])
  }
  return found.map(([field, sale, ledger]) => ({ field, sale, ledger }))
}
