import { count, seconds } from '../../lib/terminal/format.js'
import type { Row, Section } from '../../lib/terminal/sections.js'
import type { Rows } from './books.js'
import { type HandedOn, type Paid, totalOf } from './comparison.js'
import type { Handoff } from './handoff.js'

/** Buyers, warehouse and ledger side by side: line by line they must be the same. */
export function sameRows(title: string, paid: Paid, handed: HandedOn): Section {
  const { ledger } = handed
  const row = (label: string, { orders, units }: Rows): Row => [label, count(orders), count(units)]
  const told = [...handed.refunds.values()]
  const times = (label: string, value: number): Row => [label, count(value)]
  return {
    title,
    columns: ['orders', 'units'],
    rows: [
      row('confirmed, as buyers know', totalOf(paid.confirmed)),
      row('parcels', totalOf(handed.parcels)),
      ...(ledger ? [row('ledger rows', ledger.rows.confirmed)] : []),
      row('cancelled by buyers', totalOf(paid.cancelled)),
      times('  parcels not sent', handed.cancelled),
      ...(ledger ? [row('  ledger rows refunded', ledger.rows.refunded)] : []),
      times('refunds due, as buyers know', paid.refundDue.length),
      times('  told to the bank', told.filter((why) => why === 'refund_due').length),
      ...(ledger ? [times('  refund_due events in the ledger', ledger.rows.refundDue)] : []),
      times('dead letters', handed.dead),
      ...(ledger
        ? [times('reconciled with the ledger', ledger.compared), times('  and differing', ledger.wrong)]
        : []),
    ],
  }
}

/** What went wrong on the way, and did no harm. */
export function troubleRows({ trouble, warehouse, bank, workers, bookkeeper }: Handoff): Row[] {
  const { takeoverMs } = workers
  return [
    ['warehouse or bank failed', count(trouble.failures)],
    ['told again what was done', count(warehouse.repeats + bank.repeats)],
    ['a worker died', workers.died ? 'yes' : 'no'],
    ['  taken over after', takeoverMs === undefined ? '-' : seconds(takeoverMs)],
    ...(bookkeeper
      ? ([
          ['events in the ledger', count(bookkeeper.events)],
          ['  transactions', count(bookkeeper.batches)],
        ] as Row[])
      : []),
  ]
}
