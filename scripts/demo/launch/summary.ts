import { count, counted, milliseconds, seconds } from '../../lib/terminal/format.js'
import { type Row, type Section, table } from '../../lib/terminal/sections.js'
import type { Terminal } from '../../lib/terminal/style.js'
import type { LaunchOptions } from '../options.js'
import { doorRows } from './door-summary.js'
import { percentiles } from './latencies.js'
import type { Ledger } from './ledger.js'
import type { Live } from './live.js'
import type { EndState, Verdict } from './verdict.js'

/** @param behind What happened behind the sale, and beside it. */
export function summary(
  options: LaunchOptions,
  ledger: Ledger,
  live: Live,
  end: EndState,
  verdict: Verdict,
  behind: readonly Section[],
  { paint }: Terminal,
  width = 80,
): string[] {
  const { audit, states } = end
  const good = verdict.faults.length === 0
  return [
    ...table([...sections(options, ledger, live, end, verdict), ...behind], paint, width),
    '',
    audit.ok
      ? `audit: ok, ${count(audit.reservations)} reservations recounted, no violation`
      : paint('red', `audit: ${counted(audit.violations.length, 'violation')}`),
    `looked up: all ${count(states.size)} reservations that were confirmed, refunded or given back`,
    ...verdict.faults.map((fault) => paint('red', `WRONG  ${fault}`)),
    good
      ? paint('green', 'verdict: everything adds up')
      : paint('red', `verdict: ${counted(verdict.faults.length, 'fault')}`),
  ]
}

function sections(
  options: LaunchOptions,
  ledger: Ledger,
  live: Live,
  end: EndState,
  verdict: Verdict,
): Section[] {
  const { units, buyers, concurrency } = options
  const { counts } = end
  const { late, dropouts, doubleClicks, doubleReports, latencies } = ledger
  const refusals = [...ledger.refused].sort(([, a], [, b]) => b - a)
  const refused = refusals.reduce((sum, [, times]) => sum + times, 0)
  const answers = ledger.reservations + doubleClicks.reserved + refused
  const shares = percentiles.map(([, share]) => share)
  const accepted = latencies.accepted.at(shares)
  const rejected = latencies.refused.at(shares)
  const rows = (...pairs: [label: string, value: number][]): Row[] =>
    pairs.map(([label, value]) => [label, count(value)])
  return [
    {
      title: 'The launch of mango-me',
      rows: rows(
        ['units', units],
        ['sold (confirmed)', ledger.confirmedUnits],
        ['given back after the payment', ledger.cancelledUnits],
        ['unsold', counts.available],
        ['oversold', verdict.oversold],
        ['lost', verdict.lost],
        ['stranded', verdict.stranded],
        ['buyers', buyers],
        ['buyers over the limit', verdict.overLimit],
      ),
    },
    { title: 'The waiting room', rows: doorRows(options, ledger.door, live.door) },
    {
      title: 'What buyers were told',
      rows: [
        ...rows(['reserved', ledger.reservations], ['refused', refused]),
        ...refusals.map(([reason, times]): Row => [`  ${reason}`, count(times)]),
        ...rows(['came back', ledger.comebacks], ['asked again after a fault', ledger.retries]),
      ],
    },
    {
      title: 'Double clicks and payments',
      rows: [
        ...rows(
          ['double clicks', doubleClicks.sent],
          ['  both told of one reservation', doubleClicks.reserved],
          ['  told of two', doubleClicks.contradictions],
          ['payments reported twice', doubleReports.sent],
          ['  answered in two ways', doubleReports.contradictions],
          ['payments failed', dropouts.failed],
          ['given back', dropouts.released],
          ['left to lapse', dropouts.lapsed],
          ['paid late and confirmed', late.confirmed],
        ),
        ...[...late.refundDue].map(
          ([reason, times]): Row => [`paid late, refund due: ${reason.replace('_', ' ')}`, count(times)],
        ),
      ],
    },
    {
      title: 'Pace',
      rows: [
        ['time', seconds(live.elapsedMs)],
        ['last unit paid for after', seconds(ledger.lastSaleAt - live.startedAt)],
        ['answers to reserve, per second', count((answers * 1_000) / live.elapsedMs)],
        ['reservations in the busiest second', count(live.peak)],
      ],
    },
    {
      title: `Latency of reserve, ${count(concurrency)} at a time`,
      columns: ['accepted', 'refused'],
      rows: percentiles.map(([name], at) => [name, milliseconds(accepted[at]!), milliseconds(rejected[at]!)]),
    },
  ]
}
