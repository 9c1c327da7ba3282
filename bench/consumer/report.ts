import type { Invariants } from '../../scripts/lib/load/invariants.js'
import type { LineChart } from '../../scripts/lib/report/charts.js'
import type { Table } from '../../src/cli/terminal/table.js'
import { figureOf, median, rounded } from '../load/figures.js'
import type { Figure, PartResult } from '../part.js'
import type { AcknowledgingRound, Rate } from './acknowledging.js'
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

/** The target is for a sale of this size. */
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
        id: 'consumer.keeps-up',
        label: 'events consumed : reservations made in the same time, two processes at full speed',
        unit: 'ratio',
        better: 'higher',
      },
    ),
    figureOf(
      each(rounds, ({ eventCpu, reservationCpu }) => eventCpu / reservationCpu),
      {
        id: 'consumer.cpu',
        label: 'CPU of the consuming process per event : of the reserving processes per reservation',
        unit: 'ratio',
        better: 'lower',
      },
    ),
    figureOf(
      each(rounds, ({ eventTime, reservationTime }) => eventTime / reservationTime),
      {
        id: 'consumer.server-time',
        label: "the server's time to read an event : to make a reservation",
        unit: 'ratio',
        better: 'lower',
      },
    ),
    figureOf(
      each(rounds, ({ beside, alone }) => beside / alone),
      {
        id: 'consumer.beside',
        label: 'reservations/s while a third process consumes : while none does',
        unit: 'ratio',
        better: 'higher',
      },
    ),
    figureOf(
      each(rounds, ({ lagMs }) => lagMs),
      {
        id: 'consumer.lag',
        label: 'from the last reservation until its event is handled',
        unit: 'ms',
        better: 'lower',
      },
    ),
    figureOf(
      each(rounds, ({ backlog }) => backlog.perSecond),
      {
        id: 'consumer.backlog',
        label: 'events consumed from a backlog, no process reserves',
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
        id: 'consumer.ledger-backlog',
        label: 'reservations into PostgreSQL, from a backlog',
        unit: '/s',
        better: 'higher',
      },
    ),
    figureOf(
      each(rounds, ({ live }) => live),
      {
        id: 'consumer.ledger-live',
        label: `reservations into PostgreSQL, while ${whole(rounds, ({ offered }) => offered).toLocaleString('en-US')} a second are made`,
        unit: '/s',
        better: 'higher',
      },
    ),
    ratio(
      ({ backlog }) => backlog,
      'consumer.ledger-ratio',
      'reservations/s into PostgreSQL, from a backlog : accepted by Redis, two processes',
    ),
  ]
}

function acknowledgingFigures(rounds: readonly AcknowledgingRound[]): Figure[] {
  return [
    figureOf(
      each(rounds, ({ ledger }) => ledger.perSecond),
      {
        id: 'consumer.durable',
        label: 'reservations acknowledged when the ledger has them, one process',
        unit: '/s',
        better: 'higher',
      },
    ),
    figureOf(
      each(rounds, ({ ledger, memory }) => ledger.perSecond / memory.perSecond),
      {
        id: 'consumer.durable-ratio',
        label: 'acknowledged when the ledger has them : when Redis has them (durability: memory)',
        unit: 'ratio',
        better: 'higher',
      },
    ),
    figureOf(
      each(rounds, ({ half }) => half.p50),
      {
        id: 'consumer.durable-p50',
        label: 'p50 of an answer that waits for the ledger, at half of that rate',
        unit: 'ms',
        better: 'lower',
      },
    ),
    figureOf(
      each(rounds, ({ half }) => half.p99),
      {
        id: 'consumer.durable-p99',
        label: 'p99 of an answer that waits for the ledger, at half of that rate',
        unit: 'ms',
        better: 'lower',
      },
    ),
  ]
}

function rebuildingFigures({ reservations, made, rebuilt }: Rebuilding): Figure[] {
  const scaled = reservations === REBUILT ? '' : `, extrapolated from ${reservations.toLocaleString('en-US')}`
  return [
    {
      id: 'consumer.rebuild',
      label: `a sale of ${REBUILT.toLocaleString('en-US')} reservations rebuilt from the ledger${scaled}`,
      unit: 's',
      value: (rebuilt * REBUILT) / reservations,
      better: 'lower',
    },
    {
      id: 'consumer.rebuild-ratio',
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
      ['reservations, no process consumes', whole(rounds, ({ alone }) => alone), '', '', ''],
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
      ['events not handled at the end', whole(rounds, ({ lag }) => lag), '', '', ''],
    ],
  }
}

function writingTable(rounds: readonly WritingRound[]): Table {
  return {
    title: 'A ledger that follows (PostgreSQL with fsync): one row for a reservation, one for an event',
    columns: [
      '',
      'a second',
      'µs of the follower',
      'events a transaction',
      'not written at the end',
      'ms behind',
    ],
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
  const row = (name: string, pick: (round: AcknowledgingRound) => Rate) => [
    name,
    whole(rounds, (round) => pick(round).perSecond),
    fine(rounds, (round) => pick(round).p50),
    fine(rounds, (round) => pick(round).p99),
    fine(rounds, (round) => pick(round).perSecond / round.memory.perSecond),
  ]
  return {
    title: 'Acknowledged reservations, 2,000 callers that wait for their answers',
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
      row('made and changed, durability: memory', made),
      row('rebuilt from the ledger', rebuilt),
      row('compared with the ledger', compared),
    ],
  }
}

function chart({ course }: ConsumingRound): LineChart {
  return {
    kind: 'lines',
    title: 'A consumer beside the buyers, the first round',
    x: { label: 'seconds', values: course.map(([seconds]) => rounded(seconds, 3)) },
    y: { label: 'in all' },
    series: [
      { label: 'reservations made', values: course.map(([, reserved]) => Math.round(reserved)) },
      { label: 'events handled', values: course.map(([, , handled]) => Math.round(handled)) },
    ],
  }
}
