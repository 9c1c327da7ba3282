import { count, seconds } from '../../../src/cli/terminal/format.js'
import type { Row, Section } from '../../lib/terminal/sections.js'
import { type FulfilmentResult, type Paid, totalOf } from './comparison.js'
import type { Fulfilment } from './fulfilment.js'
import type { Rows } from './ledger-database.js'

/** Buyers, warehouse and ledger side by side: their rows must be the same. */
export function sameRows(title: string, paid: Paid, fulfilled: FulfilmentResult): Section {
  const { ledger } = fulfilled
  const row = (label: string, { orders, units }: Rows): Row => [label, count(orders), count(units)]
  const told = [...fulfilled.refunds.values()]
  const times = (label: string, value: number): Row => [label, count(value)]
  return {
    title,
    columns: ['orders', 'units'],
    rows: [
      row('confirmed, as buyers know', totalOf(paid.confirmed)),
      row('parcels', totalOf(fulfilled.parcels)),
      ...(ledger ? [row('ledger rows', ledger.rows.confirmed)] : []),
      row('cancelled by buyers', totalOf(paid.cancelled)),
      times('  parcels not sent', fulfilled.cancelled),
      ...(ledger ? [row('  ledger rows refunded', ledger.rows.refunded)] : []),
      times('refunds due, as buyers know', paid.refundDue.length),
      times('  told to the bank', told.filter((why) => why === 'refund_due').length),
      ...(ledger ? [times('  refund_due events in the ledger', ledger.rows.refundDue)] : []),
      times('dead letters', fulfilled.dead),
      ...(ledger
        ? [times('reconciled with the ledger', ledger.compared), times('  and differing', ledger.wrong)]
        : []),
    ],
  }
}

/** Faults on the way that did no harm. */
export function faultRows({ services, warehouse, bank, workers, ledgerWriter }: Fulfilment): Row[] {
  const { takeoverMs } = workers
  return [
    ['warehouse or bank failed', count(services.failures)],
    ['repeated to warehouse or bank', count(warehouse.repeats + bank.repeats)],
    ['a worker crashed', workers.crashed ? 'yes' : 'no'],
    ['  taken over after', takeoverMs === undefined ? '-' : seconds(takeoverMs)],
    ...(ledgerWriter
      ? ([
          ['events in the ledger', count(ledgerWriter.events)],
          ['  transactions', count(ledgerWriter.batches)],
        ] as Row[])
      : []),
  ]
}
