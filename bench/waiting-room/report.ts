import type { Invariants } from '../../scripts/lib/load/invariants.js'
import type { LineChart } from '../../scripts/lib/report/charts.js'
import type { Table } from '../../src/cli/terminal/table.js'
import { figureOf, median, rounded } from '../load/figures.js'
import type { Figure, PartResult } from '../part.js'
import type { AdmissionRun } from './admission.js'
import type { Growth } from './filled-room.js'
import type { JoinRates } from './joins.js'
import type { PollResults } from './poll-rounds.js'
import type { PollRound } from './pollers.js'

export interface Measured {
  readonly growth: readonly Growth[]
  readonly rates: JoinRates
  readonly polls: PollResults
  readonly admissions: readonly AdmissionRun[]
}

const perSecond = ({ polls, seconds }: PollRound) => polls / seconds
/** How far a second is from the rate asked, in percent of it. */
const off = ({ pace }: AdmissionRun, count: number) => Math.abs(count / pace.rate - 1) * 100
const worst = (run: AdmissionRun) => Math.max(...run.given.map((count) => off(run, count)))

export function report(measured: Measured, invariants: Invariants): PartResult {
  return {
    figures: figures(measured),
    tables: [growthTable(measured), joinTable(measured), pollTable(measured), admissionTable(measured)],
    charts: [...growthCharts(measured), ...measured.admissions.map(admissionChart)],
    invariants: invariants.list(),
  }
}

function figures({ growth, rates, polls, admissions }: Measured): Figure[] {
  const largest = growth.at(-1)!
  const size = largest.waiting.toLocaleString('en-US')
  return [
    {
      id: 'waiting-room.bytes',
      label: `bytes of Redis a waiting visitor, all in, at ${size}`,
      unit: 'bytes',
      value: largest.bytes,
      better: 'lower',
    },
    figureOf(
      rates.joins.map((rate, i) => rate / rates.reservations[i]!),
      {
        id: 'waiting-room.ratio-join',
        label: 'joins/s, tickets signed : accepted reservations/s',
        unit: 'ratio',
        better: 'higher',
      },
    ),
    figureOf(polls.known.map(perSecond), {
      id: 'waiting-room.polls',
      label: `polls/s of one process, over ${size} waiting, the queue moving`,
      unit: '/s',
      better: 'higher',
    }),
    figureOf(polls.fresh.map(perSecond), {
      id: 'waiting-room.polls-fresh',
      label: 'polls/s of one process, each ticket a string of its own, as requests bring them',
      unit: '/s',
      better: 'higher',
    }),
    figureOf(polls.unseen.map(perSecond), {
      id: 'waiting-room.polls-unseen',
      label: 'polls/s of tickets that the process has not seen before: each is verified',
      unit: '/s',
      better: 'higher',
    }),
    {
      id: 'waiting-room.poll-age',
      label: 'the oldest position told',
      unit: 'ms',
      value: polls.oldest,
      better: 'lower',
    },
    ...admissions.map(
      (run): Figure => ({
        id: `waiting-room.rate-${run.pace.rate}`,
        label: `admissions of the worst second off ${run.pace.rate.toLocaleString('en-US')}/s, 40 % no-shows, two processes`,
        unit: '%',
        value: worst(run),
        better: 'lower',
      }),
    ),
  ]
}

function growthTable({ growth }: Measured): Table {
  return {
    title:
      'A growing queue: buyers of 12 characters, one in 101 has left again; everything the server keeps is counted',
    columns: ['waiting', 'bytes each', 'server µs a join', 'joins a call'],
    rows: growth.map(({ waiting, bytes, cpuMicroseconds, perCall }) => [
      waiting,
      rounded(bytes, 1),
      rounded(cpuMicroseconds, 2),
      Math.round(perCall),
    ]),
  }
}

function joinTable({ rates: { joins, reservations } }: Measured): Table {
  const ratios = joins.map((rate, i) => rate / reservations[i]!)
  return {
    title: 'The same callers join and reserve, a second, round by round',
    columns: ['round', 'joins', 'reservations', 'joins : reservations'],
    rows: [
      ...joins.map((rate, i) => [
        i + 1,
        Math.round(rate),
        Math.round(reservations[i]!),
        rounded(ratios[i]!, 2),
      ]),
      ['median', Math.round(median(joins)), Math.round(median(reservations)), rounded(median(ratios), 2)],
    ],
  }
}

function pollTable({ polls }: Measured): Table {
  const { known, fresh, unseen, callsPerSecond, oldest, states, admitted, atHead } = polls
  const share = (rounds: readonly PollRound[]) => {
    const of = (field: 'polls' | 'atOnce') => rounds.reduce((sum, round) => sum + round[field], 0)
    return `${rounded((of('atOnce') / of('polls')) * 100, 2)} %`
  }
  const turn = (rounds: readonly PollRound[]) =>
    `${rounded(Math.max(...rounds.map((round) => round.longestTurn)), 1)} ms`
  const all = [known, fresh, unseen]
  const each = (rounds: readonly PollRound[]) => median(rounds.map(({ cpu, polls }) => cpu / polls))
  return {
    title: 'Polls of one process while the room is open, of visitors drawn from the whole queue',
    columns: ['', 'tickets it keeps', 'the same, as requests bring them', 'tickets it has not seen before'],
    rows: [
      ['polls a second', ...all.map((rounds) => Math.round(median(rounds.map(perSecond))))],
      ['CPU of the process each', ...all.map((rounds) => `${rounded(each(rounds), 2)} µs`)],
      ['answered in the same turn of the event loop', ...all.map(share)],
      ['the longest turn', ...all.map(turn)],
      ['calls to Redis a second, of one process', rounded(callsPerSecond, 1), '', ''],
      ['states of the queue that were told', states, '', ''],
      ['the oldest position told', `${Math.round(oldest)} ms`, '', ''],
      [
        'at the head of the queue: p50, p99, longest',
        atHead.map((ms) => `${Math.round(ms)} ms`).join(', '),
        '',
        '',
      ],
      ['admitted meanwhile', admitted, '', ''],
    ],
  }
}

function admissionTable({ admissions }: Measured): Table {
  const percent = (value: number) => `${rounded(value, 2)} %`
  return {
    title: `Two processes admit, 40 % no-shows, ${admissions[0]!.given.length} full seconds from the third on`,
    columns: [
      'rate asked',
      'burst',
      'joined',
      'admitted',
      'mean a second',
      'mean : asked',
      'lowest second',
      'highest second',
      'worst off by',
      'as received: lowest',
      'highest',
      'overtaken at most: updates',
      'polls',
      'calls to Redis a second',
    ],
    rows: admissions.map((run) => {
      const { pace, given, received, overtaken } = run
      const mean = given.reduce((sum, count) => sum + count, 0) / given.length
      return [
        `${pace.rate.toLocaleString('en-US')}/s`,
        pace.burst,
        run.joined,
        run.admitted,
        rounded(mean, 1),
        percent((mean / pace.rate) * 100),
        Math.min(...given),
        Math.max(...given),
        percent(worst(run)),
        Math.min(...received),
        Math.max(...received),
        `${Math.round(overtaken.updates)} ms`,
        `${Math.round(overtaken.polls)} ms`,
        Math.round(run.callsPerSecond),
      ]
    }),
  }
}

function growthCharts({ growth }: Measured): LineChart[] {
  const x = { label: 'waiting', values: growth.map(({ waiting }) => waiting) }
  return [
    {
      kind: 'lines',
      title: 'Memory of a waiting visitor by the length of the queue',
      x,
      y: { label: 'bytes each' },
      series: [{ label: 'all in', values: growth.map(({ bytes }) => bytes) }],
    },
  ]
}

function admissionChart({ pace, given, received }: AdmissionRun): LineChart {
  return {
    kind: 'lines',
    title: `Admissions a second, ${pace.rate.toLocaleString('en-US')}/s asked`,
    x: { label: 'seconds', values: given.map((_, i) => i + 3) },
    y: { label: 'a second' },
    series: [
      { label: 'asked', values: given.map(() => pace.rate) },
      { label: 'passes given', values: given },
      { label: 'passes received', values: received },
    ],
  }
}
