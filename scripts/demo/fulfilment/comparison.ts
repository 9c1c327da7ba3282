import type { Bank, Refund } from '../../fulfilment/bank.js'
import { unitsOf, type Warehouse } from '../../fulfilment/warehouse.js'
import type { LedgerRows, Rows } from './ledger-database.js'

/** What buyers were told of their payments: units by the reservation's id. */
export interface Paid {
  readonly confirmed: ReadonlyMap<string, number>
  /** Confirmed, and given back by the buyer afterwards. */
  readonly cancelled: ReadonlyMap<string, number>
  readonly refundDue: readonly string[]
}

/** What the fulfilment has done. */
export interface FulfilmentResult {
  /** Units of each parcel that is shipped. */
  readonly parcels: ReadonlyMap<string, number>
  readonly cancelled: number
  readonly refunds: ReadonlyMap<string, Refund['why']>
  /** Whether the consumers have handled every event, and how many are dead letters. */
  readonly caughtUp: boolean
  readonly dead: number
  /** Absent without a ledger. */
  readonly ledger: LedgerFindings | undefined
}

export interface LedgerFindings {
  readonly rows: LedgerRows
  /** Reservations compared by `reconcile`, and those that differ between sale and ledger. */
  readonly compared: number
  readonly wrong: number
}

export function contentsOf(
  warehouse: Warehouse,
  bank: Bank,
): Pick<FulfilmentResult, 'parcels' | 'cancelled' | 'refunds'> {
  const parcels = new Map<string, number>()
  for (const { reservation, items } of warehouse.shipments()) parcels.set(reservation, unitsOf(items))
  const refunds = new Map<string, Refund['why']>()
  for (const { reservation, why } of bank.refunds()) refunds.set(reservation, why)
  return { parcels, cancelled: warehouse.cancelled, refunds }
}

export function totalOf(orders: ReadonlyMap<string, number>): Rows {
  let units = 0
  for (const quantity of orders.values()) units += quantity
  return { orders: orders.size, units }
}

/**
 * How the parcels, the refunds and the ledger differ from the answers of the buyers. A pure
 * function, so that tests can pass wrong figures.
 */
export function differences(paid: Paid, fulfilled: FulfilmentResult): string[] {
  const { parcels, refunds, ledger } = fulfilled
  const due = new Set(paid.refundDue)
  const missing = countIn(paid.confirmed, (id, units) => parcels.get(id) !== units)
  const unpaid = countIn(parcels, (id) => !paid.confirmed.has(id))
  const owed = countIn(paid.cancelled, (id) => refunds.get(id) !== 'cancelled')
  const untold = paid.refundDue.filter((id) => refunds.get(id) !== 'refund_due').length
  const given = countIn(refunds, (id, why) => (why === 'cancelled' ? !paid.cancelled.has(id) : !due.has(id)))
  const checks: [wrong: boolean, fault: string][] = [
    [!fulfilled.caughtUp, 'fulfilment: the consumers have not handled all events'],
    [fulfilled.dead > 0, `dead letters: ${fulfilled.dead} events`],
    [missing > 0, `parcels: ${missing} confirmed orders have no parcel, or one with other units`],
    [unpaid > 0, `parcels: ${unpaid} are shipped without a payment`],
    [
      fulfilled.cancelled !== paid.cancelled.size,
      `cancelled: the warehouse counts ${fulfilled.cancelled} parcels, buyers cancelled ${paid.cancelled.size} orders`,
    ],
    [untold + owed > 0, `refunds: the bank was not told of ${untold + owed}`],
    [given > 0, `refunds: the bank was told of ${given} that were not due`],
    ...(ledger ? ledgerChecks(paid, ledger) : []),
  ]
  return checks.filter(([wrong]) => wrong).map(([, fault]) => fault)
}

function ledgerChecks(paid: Paid, { rows, wrong }: LedgerFindings): [wrong: boolean, fault: string][] {
  const confirmed = totalOf(paid.confirmed)
  const cancelled = totalOf(paid.cancelled)
  return [
    [
      !same(rows.confirmed, confirmed),
      `ledger: ${told(rows.confirmed)} are confirmed there, buyers were told of ${told(confirmed)}`,
    ],
    [
      !same(rows.refunded, cancelled),
      `ledger: ${told(rows.refunded)} are refunded there, buyers cancelled ${told(cancelled)}`,
    ],
    [
      rows.refundDue !== paid.refundDue.length,
      `ledger: ${rows.refundDue} refunds are due there, buyers were told of ${paid.refundDue.length}`,
    ],
    [wrong > 0, `reconcile: the sale and the ledger differ in ${wrong} reservations`],
  ]
}

function same(one: Rows, other: Rows): boolean {
  return one.orders === other.orders && one.units === other.units
}

function told({ orders, units }: Rows): string {
  return `${orders} orders of ${units} units`
}

function countIn<V>(entries: ReadonlyMap<string, V>, condition: (id: string, value: V) => boolean): number {
  let sum = 0
  for (const [id, value] of entries) if (condition(id, value)) sum++
  return sum
}
