import type { FurtherPayment, KeyedRefund } from '../engine/engine.js'
import { compare, type Difference, type Differences } from './compare.js'
import type { DetailsDifferences } from './details-comparison.js'
import type { SaleWriter } from './sale-writer.js'

/** The most ids that a result lists; the counts are of all reservations. */
const NAMED = 100

/** Options of `reconcile`. */
export interface ReconcileOptions {
  /**
   * Updates the rows that differ to the state of the sale. The result is the state before the
   * repair.
   * @default false
   */
  repair?: boolean | undefined
  /** How long the ledger may stay behind, in ms, before the comparison fails. @default 60_000 */
  timeoutMs?: number | undefined
}

/** The result of comparing a sale with its ledger. */
export interface Reconciliation {
  /**
   * Whether sale and ledger agree on every reservation, every further payment and every refund, and
   * every shipped order is paid for.
   */
  readonly ok: boolean
  /** Reservations compared. */
  readonly checked: number
  /** Reservations that only the sale has. */
  readonly missing: { readonly count: number; readonly ids: readonly string[] }
  /** Reservations that both have, with different values. */
  readonly differing: {
    readonly count: number
    readonly reservations: readonly { readonly id: string; readonly fields: readonly Difference[] }[]
  }
  /**
   * Reservations that only the ledger has: Redis has lost them, see src/sale/recovery/README.md.
   */
  readonly unknown: { readonly count: number; readonly ids: readonly string[] }
  /**
   * Payments of reservations that have another payment, their own. `missing`: only the sale has
   * them; `unknown`: only the ledger has them.
   */
  readonly payments: {
    readonly [W in 'missing' | 'unknown']: {
      readonly count: number
      readonly payments: readonly { readonly reservationId: string; readonly paymentId: string }[]
    }
  }
  /**
   * Refunds that had a key. `missing`: only the sale has them; `unknown`: only the ledger has them.
   */
  readonly refunds: {
    readonly [W in 'missing' | 'unknown']: {
      readonly count: number
      readonly refunds: readonly { readonly reservationId: string; readonly key: string }[]
    }
  }
  /**
   * Orders that have a shipment, although neither sale nor ledger has a payment of them: Redis has
   * lost the payment, and the sale was recovered without it.
   */
  readonly unpaid: { readonly count: number; readonly ids: readonly string[] }
  /** Events that were trimmed from the stream before the ledger had them. */
  readonly lostEvents: number
}

export async function reconcile(
  writer: SaleWriter,
  options: { readonly repair: boolean; readonly timeoutMs: number },
  shippedUnpaid: () => Promise<string[]>,
): Promise<Reconciliation> {
  const partitions = await writer.open()
  const { source, tables } = writer
  const all: Differences[] = []
  let checked = 0
  let lostEvents = 0
  for (const [partition, one] of partitions.entries()) {
    await source.sweep(partition)
    const found = await compare(writer, partition, options)
    const position = await one.look()
    if (options.repair && position.stale) await tables.settle(source.sale, partition, position)
    checked += found.checked
    lostEvents += position.lost
    all.push(found)
  }
  const missing = all.flatMap((found) => found.missing)
  const unknown = all.flatMap((found) => found.unknown)
  const differing = all.flatMap((found) => found.differing)
  const payments = detailsOf(all.map((found) => found.payments))
  const refunds = detailsOf(all.map((found) => found.refunds))
  const unpaid = await shippedUnpaid()
  return {
    ok:
      missing.length + differing.length + unknown.length === 0 &&
      payments.missing.length + payments.unknown.length + unpaid.length === 0 &&
      refunds.missing.length + refunds.unknown.length === 0,
    checked,
    missing: { count: missing.length, ids: missing.slice(0, NAMED) },
    differing: { count: differing.length, reservations: differing.slice(0, NAMED) },
    unknown: { count: unknown.length, ids: unknown.slice(0, NAMED) },
    payments: { missing: named(payments.missing), unknown: named(payments.unknown) },
    refunds: { missing: namedRefunds(refunds.missing), unknown: namedRefunds(refunds.unknown) },
    unpaid: { count: unpaid.length, ids: unpaid.slice(0, NAMED) },
    lostEvents,
  }
}

/** Those of all partitions. */
function detailsOf<S, L>(all: readonly DetailsDifferences<S, L>[]): DetailsDifferences<S, L> {
  return { missing: all.flatMap(({ missing }) => missing), unknown: all.flatMap(({ unknown }) => unknown) }
}

type Refund = Pick<KeyedRefund, 'id' | 'key'>

function namedRefunds(refunds: readonly Refund[]) {
  const some = refunds.slice(0, NAMED)
  return { count: refunds.length, refunds: some.map(({ id, key }) => ({ reservationId: id, key })) }
}

function named(payments: readonly FurtherPayment[]) {
  const some = payments.slice(0, NAMED)
  return {
    count: payments.length,
    payments: some.map(({ id, paymentId }) => ({ reservationId: id, paymentId })),
  }
}
