import type { Cart, FurtherPayment, KeyedRefund, MoveOp, Rules, StoredReservation } from '../engine/engine.js'
import type { Acknowledged } from '../sale/acknowledged-reservations.js'
import type { AcknowledgedCount, AcknowledgedRestock } from '../sale/acknowledgement-cache.js'
import type { LedgerRecord } from '../sale/ledger.js'
import type { RecoverySource } from '../sale/recovery/replay.js'
import type { EventRow, ReservationRow } from './rows.js'
import type { Tables } from './tables.js'
import { fromText } from './text.js'

/** Reservations read at a time: each may have 1,000 lines. */
const BATCH = 500 // tuning

/** Loads the ledger's record of a sale, for the sale's recovery. */
export async function loadForRecovery(tables: Tables, sale: string): Promise<LedgerRecord | undefined> {
  const known = await tables.sale(sale)
  if (!known) return undefined
  const created: Rules = JSON.parse(known.rules)
  const latest = await tables.latestRules(sale)
  const rules: Rules = latest ? JSON.parse(latest.rules) : created
  return {
    rules: created,
    present: { rules, revision: latest?.revision ?? 0, everywhere: false },
    incarnation: known.incarnation,
    lastSeen: await tables.seen(sale),
    recoverySource: () => readRecoverySource(tables, sale, rules),
  }
}

async function readRecoverySource(tables: Tables, sale: string, rules: Rules): Promise<RecoverySource> {
  const skuIndices = new Map(rules.skus.map(({ sku }, skuIndex) => [sku, skuIndex]))
  await tables.incrementFence(sale)
  const { state } = (await tables.sale(sale))!
  return {
    state,
    restocks: (await tables.eventsOf(sale, 'restocked')).map((row) => restockOf(row, skuIndices)),
    moves: (await tables.eventsOf(sale, 'moved')).map((row) => moveOf(row, skuIndices)),
    counts: (await tables.eventsOf(sale, 'total_set')).map((row) => countOf(row, skuIndices)),
    async *furtherPayments() {
      for (let after: FurtherPayment | undefined; ; ) {
        const rows = await tables.furtherPayments.page(sale, after, BATCH)
        if (rows.length === 0) return
        after = rows.at(-1)!
        yield rows
      }
    },
    async *reservations(kind, now) {
      for (let after = ''; ; ) {
        const rows = await tables.ofKind(sale, kind, now, after, BATCH)
        if (rows.length === 0) return
        after = rows.at(-1)!.id
        const left = rows.filter(({ state }) => state === 'transferred').map(({ id }) => id)
        const movedTo = left.length > 0 ? await tables.transfers.destinations(sale, left) : undefined
        const origins = await tables.transfers.origins(
          sale,
          rows.map(({ id }) => id),
        )
        const refunds = await refundsOf(tables, sale, rows, skuIndices)
        yield rows.map((row) => {
          const { reservation, ...rest } = acknowledged(row, refunds.get(row.id) ?? [], skuIndices)
          const { earlier, origin } = origins.get(row.id) ?? {}
          const arrived = origin ? { ...reservation, origin } : reservation
          return { ...rest, reservation: arrived, movedTo: movedTo?.get(row.id), earlier }
        })
      }
    },
  }
}

function moveOf({ details }: EventRow, skuIndices: ReadonlyMap<string, number>): MoveOp {
  const indexOf = (name: string) => skuIndices.get(fromText(String(details[name])))!
  const [quantity, atMost] = [Number(details.quantity), Number(details.applied)]
  return {
    ...{ from: indexOf('sku'), to: indexOf('to'), quantity, atMost },
    ...{ key: fromText(String(details.key)), final: true },
  }
}

function countOf({ details }: EventRow, skuIndices: ReadonlyMap<string, number>): AcknowledgedCount {
  const [total, countedAt] = [Number(details.total), Number(details.countedAt)]
  const [change, applied, owed] = [Number(details.change), Number(details.applied), Number(details.owed)]
  const sku = skuIndices.get(fromText(String(details.sku)))!
  const counted = { change, applied, owed, countedAt }
  return { sku, total, key: fromText(String(details.key)), countedAt, basis: null, final: true, counted }
}

function restockOf({ details }: EventRow, skuIndices: ReadonlyMap<string, number>): AcknowledgedRestock {
  const sku = skuIndices.get(fromText(String(details.sku)))!
  const op = { sku, quantity: Number(details.quantity), key: fromText(String(details.key)), final: true }
  return { op, applied: Number(details.applied) }
}

/** The refunds with a key of these reservations, by the id. */
async function refundsOf(
  tables: Tables,
  sale: string,
  rows: readonly ReservationRow[],
  skuIndices: ReadonlyMap<string, number>,
): Promise<ReadonlyMap<string, readonly KeyedRefund[]>> {
  const ids = rows.filter(({ state, ordered }) => ordered || state === 'refunded').map(({ id }) => id)
  const found = new Map<string, KeyedRefund[]>()
  for (const { items, ...refund } of ids.length === 0 ? [] : await tables.refunds.of(sale, ids)) {
    const one = items ? { ...refund, cart: cartOf(items, skuIndices) } : refund
    found.set(one.id, [...(found.get(one.id) ?? []), one])
  }
  return found
}

function acknowledged(
  row: ReservationRow,
  refunds: readonly KeyedRefund[],
  skuIndices: ReadonlyMap<string, number>,
): Acknowledged {
  const { id, buyer, household, key, createdAt, expiresAt, paymentId, restocked, firstItems } = row
  const cart = cartOf(row.items, skuIndices)
  const ordered = row.ordered && {
    cart: cartOf(row.ordered.items, skuIndices),
    count: row.ordered.changes,
  }
  const changes = firstItems && {
    ...{ first: cartOf(firstItems, skuIndices), count: row.changes },
    ...(ordered && { ordered }),
  }
  const state = row.state as StoredReservation['state']
  return {
    reservation: {
      id,
      buyer,
      cart,
      state,
      key,
      createdAt,
      expiresAt,
      paymentId,
      ...(household !== null && { household }),
      ...(changes && { changes }),
    },
    refundDue: row.refundDue,
    restocked,
    ...(refunds.length > 0 && { refunds }),
  }
}

function cartOf(items: ReadonlyMap<string, number>, skuIndices: ReadonlyMap<string, number>): Cart {
  return [...items].map(([sku, units]) => [skuIndices.get(sku)!, units] as const).sort(([a], [b]) => a - b)
}
