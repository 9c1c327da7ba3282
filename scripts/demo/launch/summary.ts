import { count, counted, milliseconds, seconds } from '../../../src/cli/terminal/format.js'
import type { Terminal } from '../../../src/cli/terminal/style.js'
import { type Row, type Section, sectionTable } from '../../lib/terminal/sections.js'
import type { LaunchOptions } from '../options.js'
import type { ExpectedState } from './expected-state.js'
import { percentiles } from './latencies.js'
import type { Live } from './live.js'
import { roomRows } from './room-summary.js'
import type { EndState, Verdict } from './verdict.js'

/** @param behind Sections on the fulfilment, and on the other stores. */
export function summary(
  options: LaunchOptions,
  expected: ExpectedState,
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
    ...sectionTable([...sections(options, expected, live, end, verdict), ...behind], paint, width),
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
  expected: ExpectedState,
  live: Live,
  end: EndState,
  verdict: Verdict,
): Section[] {
  const { units, buyers, concurrency } = options
  const { counts } = end
  const { late, dropouts, doubleClicks, doubleReports, latencies } = expected
  const refusals = [...expected.refused].sort(([, a], [, b]) => b - a)
  const refused = refusals.reduce((sum, [, times]) => sum + times, 0)
  const answers = expected.reservations + doubleClicks.reserved + refused
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
        ['sold (confirmed)', expected.confirmedUnits],
        ['refunded after the payment', expected.cancelledUnits],
        ['unsold', counts.available],
        ['oversold', verdict.oversold],
        ['lost', verdict.lost],
        ['stranded', verdict.stranded],
        ['buyers', buyers],
        ['buyers over the limit', verdict.overLimit],
      ),
    },
    { title: 'The waiting room', rows: roomRows(options, expected.room, live.room) },
    {
      title: 'Answers to the buyers',
      rows: [
        ...rows(['reserved', expected.reservations], ['refused', refused]),
        ...refusals.map(([reason, times]): Row => [`  ${reason}`, count(times)]),
        ...rows(['came back', expected.comebacks], ['retried after a fault', expected.retries]),
      ],
    },
    {
      title: 'Double clicks and payments',
      rows: [
        ...rows(
          ['double clicks', doubleClicks.sent],
          ['  both got one reservation', doubleClicks.reserved],
          ['  got two', doubleClicks.contradictions],
          ['payments reported twice', doubleReports.sent],
          ['  with contradicting answers', doubleReports.contradictions],
          ['payments failed', dropouts.failed],
          ['given back', dropouts.released],
          ['left to expire', dropouts.expired],
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
        ['last unit paid for after', seconds(expected.lastSaleAt - live.startedAt)],
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
