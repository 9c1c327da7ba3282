import type { Invariants } from '../../scripts/lib/load/invariants.js'
import type { Table } from '../../scripts/lib/terminal/table.js'
import { figureOf, median, rounded } from '../load/figures.js'
import type { Figure, LineChart, PartResult } from '../part.js'
import type { AcknowledgingRound, Pace } from './acknowledging.js'
import type { ConsumingRound } from './consuming.js'
import type { Rebuilding } from './rebuilding.js'
import type { WritingRound } from './writing.js'

export interface Results {
  readonly consuming: readonly ConsumingRound[]
  /** Empty where there is no PostgreSQL. */
  readonly writing: readonly WritingRound[]
  readonly acknowledging: readonly AcknowledgingRound[]
  readonly rebuilt: Rebuilding | undefined
}

/** The target speaks of a sale of this size. */
const REBUILT = 100_000

export function report(results: Results, invariants: Invariants): PartResult {
  const { consuming, writing, acknowledging, rebuilt } = results
  const hasLedger = writing.length > 0
  return {
    figures: [
      ...consumingFigures(consuming),
      ...(hasLedger ? [...writingFigures(writing), ...acknowledgingFigures(acknowledging)] : []),
      ...(rebuilt ? rebuildingFigures(rebuilt) : []),
    ],
    tables: [
      consumingTable(consuming),
      ...(hasLedger ? [writingTable(writing), acknowledgingTable(acknowledging)] : []),
      ...(rebuilt ? [rebuildingTable(rebuilt)] : []),
    ],
    charts: [chart(consuming[0]!)],
    invariants: invariants.list(),
  }
}

const each = <T>(rounds: readonly T[], pick: (round: T) => number) => rounds.map(pick)
const whole = <T>(rounds: readonly T[], pick: (round: T) => number) => Math.round(median(rounds.map(pick)))
const fine = <T>(rounds: readonly T[], pick: (round: T) => number) => rounded(median(rounds.map(pick)), 2)

function consumingFigures(rounds: readonly ConsumingRound[]): Figure[] {
  return [
    figureOf(
      each(rounds, ({ consumed, beside }) => consumed / beside),
      {
        id: 'handoff.keeps-up',
        label: 'events consumed : reservations made in the same time, two processes at full speed',
        unit: 'ratio',
        better: 'higher',
      },
    ),
    figureOf(
      each(rounds, ({ eventCpu, reservationCpu }) => eventCpu / reservationCpu),
      {
        id: 'handoff.consumer-cpu',
        label: 'CPU of the consuming process per event : of the reserving processes per reservation',
        unit: 'ratio',
        better: 'lower',
      },
    ),
    figureOf(
      each(rounds, ({ eventTime, reservationTime }) => eventTime / reservationTime),
      {
        id: 'handoff.server-time',
        label: "the server's time to read an event : to make a reservation",
        unit: 'ratio',
        better: 'lower',
      },
    ),
    figureOf(
      each(rounds, ({ beside, alone }) => beside / alone),
      {
        id: 'handoff.beside',
        label: 'reservations/s while a third process consumes : while none does',
        unit: 'ratio',
        better: 'higher',
      },
    ),
    figureOf(
      each(rounds, ({ lagMs }) => lagMs),
      {
        id: 'handoff.lag',
        label: 'the last event is handled so long after the last reservation',
        unit: 'ms',
        better: 'lower',
      },
    ),
    figureOf(
      each(rounds, ({ backlog }) => backlog.perSecond),
      {
        id: 'handoff.backlog',
        label: 'events consumed from a backlog, nobody reserves',
        unit: '/s',
        better: 'higher',
      },
    ),
  ]
}

function writingFigures(rounds: readonly WritingRound[]): Figure[] {
  const ratio = (pick: (round: WritingRound) => number, id: string, label: string) =>
    figureOf(
      each(rounds, (round) => pick(round) / round.alone),
      { id, label, unit: 'ratio', better: 'higher' },
    )
  return [
    figureOf(
      each(rounds, ({ backlog }) => backlog),
      {
        id: 'handoff.ledger-backlog',
        label: 'reservations into PostgreSQL, from a backlog',
        unit: '/s',
        better: 'higher',
      },
    ),
    figureOf(
      each(rounds, ({ live }) => live),
      {
        id: 'handoff.ledger-live',
        label: `reservations into PostgreSQL, while ${whole(rounds, ({ offered }) => offered).toLocaleString('en-US')} a second are made`,
        unit: '/s',
        better: 'higher',
      },
    ),
    ratio(
      ({ backlog }) => backlog,
      'handoff.ledger-ratio',
      'reservations/s into PostgreSQL, from a backlog : accepted by Redis, two processes',
    ),
  ]
}

function acknowledgingFigures(rounds: readonly AcknowledgingRound[]): Figure[] {
  return [
    figureOf(
      each(rounds, ({ ledger }) => ledger.perSecond),
      {
        id: 'handoff.durable',
        label: 'reservations acknowledged when the ledger has them, one process',
        unit: '/s',
        better: 'higher',
      },
    ),
    figureOf(
      each(rounds, ({ ledger, memory }) => ledger.perSecond / memory.perSecond),
      {
        id: 'handoff.durable-ratio',
        label: 'acknowledged when the ledger has them : when Redis has them (durability: memory)',
        unit: 'ratio',
        better: 'higher',
      },
    ),
    figureOf(
      each(rounds, ({ half }) => half.p50),
      {
        id: 'handoff.durable-p50',
        label: 'p50 of an answer that waits for the ledger, at half of that rate',
        unit: 'ms',
        better: 'lower',
      },
    ),
    figureOf(
      each(rounds, ({ half }) => half.p99),
      {
        id: 'handoff.durable-p99',
        label: 'p99 of an answer that waits for the ledger, at half of that rate',
        unit: 'ms',
        better: 'lower',
      },
    ),
  ]
}

function rebuildingFigures({ reservations, made, rebuilt }: Rebuilding): Figure[] {
  const scaled = reservations === REBUILT ? '' : `, reckoned from ${reservations.toLocaleString('en-US')}`
  return [
    {
      id: 'handoff.rebuild',
      label: `a sale of ${REBUILT.toLocaleString('en-US')} reservations rebuilt from the ledger${scaled}`,
      unit: 's',
      value: (rebuilt * REBUILT) / reservations,
      better: 'lower',
    },
    {
      id: 'handoff.rebuild-ratio',
      label: 'time to rebuild a sale from the ledger : to make it (durability: memory)',
      unit: 'ratio',
      value: rebuilt / made,
      better: 'lower',
    },
  ]
}

function consumingTable(rounds: readonly ConsumingRound[]): Table {
  return {
    title: 'Two processes reserve at full speed; a third consumes, with a handler that does next to nothing',
    columns: ['', 'a second', 'µs of the process', 'µs of the server', 'a call'],
    rows: [
      ['reservations, nobody consumes', whole(rounds, ({ alone }) => alone), '', '', ''],
      [
        'reservations, beside a consumer',
        whole(rounds, ({ beside }) => beside),
        fine(rounds, ({ reservationCpu }) => reservationCpu),
        fine(rounds, ({ reservationTime }) => reservationTime),
        '',
      ],
      [
        'events consumed beside them',
        whole(rounds, ({ consumed }) => consumed),
        fine(rounds, ({ eventCpu }) => eventCpu),
        fine(rounds, ({ eventTime }) => eventTime),
        whole(rounds, ({ perRead }) => perRead),
      ],
      [
        'events consumed from a backlog',
        whole(rounds, ({ backlog }) => backlog.perSecond),
        fine(rounds, ({ backlog }) => backlog.cpu),
        fine(rounds, ({ backlog }) => backlog.time),
        '',
      ],
      ['events behind at the end', whole(rounds, ({ lag }) => lag), '', '', ''],
    ],
  }
}

function writingTable(rounds: readonly WritingRound[]): Table {
  return {
    title: 'A ledger that follows (PostgreSQL with fsync), a row a reservation and one an event',
    columns: ['', 'a second', 'µs of the follower', 'events a transaction', 'behind at the end', 'ms behind'],
    rows: [
      ['reservations, nothing written', whole(rounds, ({ alone }) => alone), '', '', '', ''],
      [
        'written from a backlog',
        whole(rounds, ({ backlog }) => backlog),
        fine(rounds, ({ backlogCpu }) => backlogCpu),
        whole(rounds, ({ backlogPerBatch }) => backlogPerBatch),
        '',
        '',
      ],
      ['reservations, as they come', whole(rounds, ({ offered }) => offered), '', '', '', ''],
      [
        'written as they come',
        whole(rounds, ({ live }) => live),
        fine(rounds, ({ liveCpu }) => liveCpu),
        whole(rounds, ({ livePerBatch }) => livePerBatch),
        whole(rounds, ({ liveLag }) => liveLag),
        whole(rounds, ({ liveLagMs }) => liveLagMs),
      ],
    ],
  }
}

function acknowledgingTable(rounds: readonly AcknowledgingRound[]): Table {
  const row = (name: string, pick: (round: AcknowledgingRound) => Pace) => [
    name,
    whole(rounds, (round) => pick(round).perSecond),
    fine(rounds, (round) => pick(round).p50),
    fine(rounds, (round) => pick(round).p99),
    fine(rounds, (round) => pick(round).perSecond / round.memory.perSecond),
  ]
  return {
    title: 'Acknowledged reservations, 2,000 callers who wait for their answers',
    columns: ['', 'a second', 'p50 ms', 'p99 ms', 'to memory'],
    rows: [
      row('durability: memory', ({ memory }) => memory),
      row('durability: { ledger }', ({ ledger }) => ledger),
      row('the same, two processes with 1,000 each', ({ shared }) => shared),
      row('one process, arrivals at half of its rate', ({ half }) => half),
    ],
  }
}

function rebuildingTable({ reservations, states, made, rebuilt, compared }: Rebuilding): Table {
  const mix = Object.entries(states).map(([state, count]) => `${count.toLocaleString('en-US')} ${state}`)
  const row = (what: string, seconds: number) => [
    what,
    rounded(seconds, 2),
    Math.round(reservations / seconds),
  ]
  return {
    title: `A sale of ${reservations.toLocaleString('en-US')} reservations (${mix.join(', ')}), lost and rebuilt`,
    columns: ['', 'seconds', 'reservations/s'],
    rows: [
      row('made and settled, durability: memory', made),
      row('rebuilt from the ledger', rebuilt),
      row('compared with the ledger', compared),
    ],
  }
}

function chart({ course }: ConsumingRound): LineChart {
  return {
    kind: 'lines',
    title: 'A consumer beside the crowd, the first round',
    x: { label: 'seconds', values: course.map(([seconds]) => rounded(seconds, 3)) },
    y: { label: 'in all' },
    series: [
      { label: 'reservations made', values: course.map(([, reserved]) => Math.round(reserved)) },
      { label: 'events handled', values: course.map(([, , handled]) => Math.round(handled)) },
    ],
  }
}
