import { count } from '../../../src/cli/terminal/format.js'
import type { Row, Section } from '../../lib/terminal/sections.js'
import { type Amount, amountOf, type Receipts } from './receipt.js'

/** What buyers have bought and kept: by their own answers, less what they have sent back. */
function keptOf(confirmed: ReadonlyMap<string, number>, { sentBack }: Receipts): Amount {
  const kept = new Map(confirmed)
  for (const id of [...sentBack.before.keys(), ...sentBack.after.keys()]) kept.delete(id)
  return amountOf(kept)
}

/** From the parcels to the seller's money: the last two rows must be the same. */
export function receiptSection(confirmed: ReadonlyMap<string, number>, receipts: Receipts): Section {
  const { received, sentBack, paidOut, deducted } = receipts
  const row = (label: string, { orders, units, cents }: Amount): Row => [
    label,
    ...[count(orders), count(units), money(cents)],
  ]
  return {
    title: 'From parcel to payout',
    columns: ['orders', 'units', 'amount'],
    rows: [
      row('received by buyers', amountOf(received)),
      row('sent back before the payout', amountOf(sentBack.before)),
      row('sent back after the payout', amountOf(sentBack.after)),
      row('paid to the seller', paidOut),
      row('  and taken back', deducted),
      row('the seller has', lessOf(paidOut, deducted)),
      row('sold and not refunded', keptOf(confirmed, receipts)),
    ],
  }
}

/**
 * How receipts and payouts differ from what buyers know. A pure function, so that tests can pass
 * wrong figures.
 */
export function receiptFaults(confirmed: ReadonlyMap<string, number>, receipts: Receipts): string[] {
  const { received, shippedAgain, paidOut, deducted, paidTwice, open } = receipts
  const kept = keptOf(confirmed, receipts)
  const has = lessOf(paidOut, deducted)
  const unreceived = [...confirmed].filter(([id, units]) => received.get(id) !== units).length
  const checks: [wrong: boolean, fault: string][] = [
    [unreceived > 0, `receipt: ${unreceived} confirmed orders were not received`],
    [open !== unreceived, `receipt: the ledger has ${open} open orders, buyers wait for ${unreceived}`],
    [shippedAgain > 0, `shipments: ${shippedAgain} refunded orders could be shipped again`],
    [paidTwice > 0, `payouts: ${paidTwice} orders are in two batches`],
    [
      kept.cents !== has.cents || kept.units !== has.units || kept.orders !== has.orders,
      `payouts: the seller has ${money(has.cents)} for ${has.units} units, ${money(kept.cents)} for ${kept.units} units were sold and not refunded`,
    ],
  ]
  return checks.filter(([wrong]) => wrong).map(([, fault]) => fault)
}

function lessOf(amount: Amount, less: Amount): Amount {
  return {
    orders: amount.orders - less.orders,
    units: amount.units - less.units,
    cents: amount.cents - less.cents,
  }
}

/** Cents with separators: `399.00`. */
function money(cents: number): string {
  const rest = String(Math.abs(cents) % 100).padStart(2, '0')
  return `${cents < 0 ? '-' : ''}${count(Math.floor(Math.abs(cents) / 100))}.${rest}`
}
