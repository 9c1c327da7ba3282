import type { EventSource } from '../consumer/source.js'
import type { PostgresLedger } from '../postgres/ledger.js'
import type { RefundDue, RefundsDue } from './results.js'

/** The payments of a sale that must be refunded, as the ledger knows them. */
export async function refundsInLedger(
  ledger: PostgresLedger,
  sale: string,
  limit: number,
): Promise<RefundsDue> {
  const found = await ledger.payments({ sale, refundDue: true, limit: limit + 1 })
  const payments = found.slice(0, limit).map(({ reservationId, buyer, paymentId, reason }) => ({
    ...{ reservationId, buyer, paymentId },
    reason: reason!,
  }))
  return { from: 'ledger', complete: found.length <= limit, payments }
}

/** The same, from the events that the sale still keeps. */
export async function refundsInEvents(source: EventSource, limit: number): Promise<RefundsDue> {
  const { rules } = await source.describe(true)
  const payments: RefundDue[] = []
  let complete = true
  for (let partition = 0; partition < rules.partitions; partition++) {
    for (let after = 0; ; ) {
      const { events, reservations } = await source.read(partition, after)
      if (events.length === 0) break
      if (after === 0 && events[0]!.sequence > 1) complete = false
      after = events.at(-1)!.sequence
      const stored = new Map(reservations.map((reservation) => [reservation.id, reservation]))
      for (const event of events) {
        if (event.type !== 'refund_due') continue
        if (payments.length === limit) return { from: 'events', complete: false, payments }
        const { buyer = null, paymentId = null } = stored.get(event.id) ?? {}
        payments.push({
          ...{ reservationId: event.id, buyer, reason: event.reason },
          paymentId: event.further?.paymentId ?? paymentId,
        })
      }
    }
  }
  return { from: 'events', complete, payments }
}
