import { chunksOf } from '../common/chunks.js'
import type { Cart, FurtherPayment, Rules, StoredReservation } from '../engine/engine.js'
import type { LogOffset } from '../engine/port.js'
import { emptyPayments, emptyReservations, pushPayment, pushStored } from './page.js'
import type { ReservationRow } from './rows.js'
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
  readonly payments: { readonly missing: FurtherPayment[]; readonly unknown: FurtherPayment[] }
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
  const payments = new PaymentComparison(writer, partition, source.lastSeen(partition))
  let doubtful = new Set<string>()
  const caughtUp = async (): Promise<LogOffset> => {
    const offset = source.lastSeen(partition)!
    await writer.waitUntilWritten(partition, offset, source.clock.now() + timeoutMs)
    return offset
  }

  let cursor = '0'
  do {
    const page = await source.scan(partition, cursor)
    await payments.add(page.furtherPayments, await caughtUp())
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
    payments: await payments.end(repair),
  }
  const checked = new Set([...seen, ...doubtful])
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
  return { ...found, checked: checked.size }
}

/**
 * Compares the further payments of a partition. They never change, so those that a page of the scan
 * shows are in the ledger once it has caught up, and those that the sale had before the first page
 * are on one of the pages.
 */
class PaymentComparison {
  readonly #writer: SaleWriter
  readonly #partition: number
  readonly #seen = new Set<string>()
  readonly #missing: FurtherPayment[] = []
  /** The offset before the first page; `null`: unknown. */
  readonly #first: LogOffset | null
  #last: LogOffset | undefined

  constructor(writer: SaleWriter, partition: number, first: LogOffset | null) {
    this.#writer = writer
    this.#partition = partition
    this.#first = first
  }

  /** @param offset Up to which the ledger has everything. */
  async add(page: readonly FurtherPayment[], offset: LogOffset): Promise<void> {
    this.#last = offset
    const { source, tables } = this.#writer
    for (const some of chunksOf(page, AT_ONCE)) {
      const rows = await tables.furtherPayments.of(source.sale, [...new Set(some.map(({ id }) => id))])
      const known = new Set(rows.map(nameOf))
      for (const payment of some) {
        this.#seen.add(nameOf(payment))
        if (!known.has(nameOf(payment))) this.#missing.push(payment)
      }
    }
  }

  async end(repair: boolean): Promise<Differences['payments']> {
    const { source, tables } = this.#writer
    const unknown: FurtherPayment[] = []
    const of = this.#first && { partition: this.#partition, offset: this.#first }
    for (let after: FurtherPayment | undefined; of; ) {
      const rows = await tables.furtherPayments.page(source.sale, after, PAGE, of)
      if (rows.length === 0) break
      unknown.push(...rows.filter((row) => !this.#seen.has(nameOf(row))))
      after = rows.at(-1)!
    }
    if (repair && unknown.length > 0) await tables.furtherPayments.forget(source.sale, unknown)
    if (repair && this.#missing.length > 0) {
      const { generation, sequence } = this.#last!
      const columns = emptyPayments()
      const at = { at: source.serverTime(this.#partition), generation, sequence }
      for (const payment of this.#missing) pushPayment(columns, payment, at)
      await tables.furtherPayments.add(source.sale, this.#partition, columns)
    }
    return { missing: this.#missing, unknown }
  }
}

/** The id has a fixed length. */
function nameOf({ id, paymentId }: FurtherPayment): string {
  return id + paymentId
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
    ['key', stored.key, row.key],
    ['changes', stored.changes?.count ?? 0, row.changes],
  ]
  const found = pairs.filter(([, sale, ledger]) => sale !== ledger)
  const named = (cart: Cart) =>
    Object.fromEntries(cart.map(([skuIndex, units]) => [skus[skuIndex]!.sku, units]))
  const carts = [
    ['items', stored.cart, row.items],
    ['firstItems', stored.changes?.first ?? [], row.firstItems ?? new Map()],
  ] as const
  for (const [field, cart, known] of carts) {
    const same =
      cart.length === known.size && cart.every(([sku, units]) => known.get(skus[sku]!.sku) === units)
    if (!same) found.push([field, named(cart), Object.fromEntries(known)])
  }
  return found.map(([field, sale, ledger]) => ({ field, sale, ledger }))
}
