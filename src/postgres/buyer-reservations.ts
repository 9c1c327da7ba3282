import { StockholdError } from '../errors.js'
import type { Item, ReservationState } from '../sale/results.js'
import { checkId, checkInteger, checkOptionalId, checkOptions, type Names } from '../validation.js'
import { explain } from './failure.js'
import type { Shipment } from './orders/results.js'
import { fromJson, itemsOf } from './orders/units.js'
import type { SqlPool } from './pool.js'
import { COLUMNS, rowOf } from './rows.js'
import { arrayOf, fromText, quoted, toText } from './text.js'

/** Which reservations `ledger.reservationsOf` reads. */
export interface LedgerReservationsOptions {
  /** Only these. @default all of the buyer's */
  ids?: readonly string[] | undefined
  /** The most that are read, 1 to 100. @default 20 */
  limit?: number | undefined
  /** The last one of the page before. @default the first page */
  cursor?: string | undefined
}

/** A reservation of a buyer as the ledger has it, with the shipments of the order. */
export interface LedgerReservation {
  /** The reservation's id. */
  readonly id: string
  readonly buyer: string
  /** What is held or paid for: units that were refunded in part are not in it. */
  readonly items: readonly Item[]
  readonly state: ReservationState
  readonly createdAt: number
  readonly expiresAt: number
  /** The earliest first. */
  readonly shipments: readonly Shipment[]
}

const OPTIONS: Names<LedgerReservationsOptions> = { ids: true, limit: true, cursor: true }
const millis = (column: string) => `floor(extract(epoch FROM ${column}) * 1000)::float8`

/** A page of a buyer's reservations, the latest first. */
export async function reservationsInLedger(
  pool: SqlPool,
  schema: string,
  sale: string,
  buyer: string,
  options: LedgerReservationsOptions,
): Promise<LedgerReservation[]> {
  const { ids, limit = 20, cursor } = checkOptions(options, 'options', OPTIONS) as LedgerReservationsOptions
  const after = checkOptionalId(cursor, 'cursor')
  const wanted = ids === undefined ? null : ids.map((id, index) => checkId(id, `ids[${index}]`))
  const s = quoted(schema)
  const query = async (text: string, values: unknown[]) =>
    (await pool.query(text, values).catch(explain)).rows
  const rows = await query(
    `SELECT ${COLUMNS}, state = 'held' AND expires_at <= now() AS is_over FROM ${s}.reservations
      WHERE sale = $1 AND buyer = $2 AND state <> 'forgotten' AND ($3::text[] IS NULL OR id = ANY($3::text[]))
      AND ($4::text IS NULL OR (created_at, id) <
        (SELECT r.created_at, r.id FROM ${s}.reservations r WHERE r.sale = $1 AND r.buyer = $2 AND r.id = $4::text))
      ORDER BY reservations.created_at DESC, id DESC LIMIT $5`,
    [
      toText(sale),
      toText(checkId(buyer, 'buyer')),
      wanted && arrayOf(wanted.map(toText)),
      after && toText(after),
      checkInteger(limit, 'limit', 1, 100),
    ],
  )
  if (rows.length === 0) {
    const [known] = await query(`SELECT 1 AS known FROM ${s}.sales WHERE sale = $1`, [toText(sale)])
    if (!known)
      throw new StockholdError(
        'NOT_FOUND',
        `the ledger has no sale ${JSON.stringify(sale)}: it has never followed one of this name`,
      )
    return []
  }
  const sent = await query(
    `SELECT id, carrier, reference, items::text AS items, ${millis('shipped_at')} AS shipped_at,
      ${millis('delivered_at')} AS delivered_at
      FROM ${s}.shipments WHERE sale = $1 AND id = ANY($2::text[]) ORDER BY shipments.shipped_at, reference`,
    [toText(sale), arrayOf(rows.map(({ id }) => id))],
  )
  return rows.map((row) => {
    const { id, buyer, items, state, createdAt, expiresAt } = rowOf(row)
    const shipments = sent.filter((one) => one.id === id).map(shipmentOf)
    const now = row.is_over ? 'expired' : (state as ReservationState)
    return { id, buyer, items: itemsOf(items), state: now, createdAt, expiresAt, shipments }
  })
}

// biome-ignore lint/suspicious/noExplicitAny: what the driver gives
function shipmentOf(row: any): Shipment {
  return {
    carrier: fromText(row.carrier),
    reference: fromText(row.reference),
    items: itemsOf(fromJson(row.items)),
    shippedAt: Number(row.shipped_at),
    ...(row.delivered_at === null ? undefined : { deliveredAt: Number(row.delivered_at) }),
  }
}
