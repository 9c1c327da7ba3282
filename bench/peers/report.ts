import type { BarChart } from '../../scripts/lib/report/charts.js'
import type { Table } from '../../src/cli/terminal/table.js'
import { figureOf, median, rounded } from '../load/figures.js'
import type { Figure, PartResult } from '../part.js'
import type { RaceResult } from './race.js'

interface Rates {
  readonly name: string
  readonly label: string
  readonly callers: number
  /** Reservations a second, round by round. */
  readonly rates: readonly number[]
}

interface Compared extends Rates {
  /** Stockhold's rate in the round before, divided by its own. */
  readonly ratios: readonly number[]
}

export interface Measured {
  readonly ours: Rates
  readonly peers: readonly Compared[]
  readonly races: ReadonlyMap<string, RaceResult>
  readonly invariants: PartResult['invariants']
}

export function report({ ours, peers, races, invariants }: Measured): PartResult {
  const all = [ours, ...peers]
  return {
    figures: [...all.map(rate), ...ratios(peers)],
    tables: [rateTable(ours, peers), raceTable(all, races)],
    charts: [chart(all, races)],
    invariants,
  }
}

function rate({ name, label, rates }: Rates): Figure {
  return figureOf(rates, { id: `peers.${name}`, label, unit: '/s', better: 'higher' })
}

/** Of the two single-EVALSHA variants only the better one counts. */
function ratios(peers: readonly Compared[]): Figure[] {
  const isSingle = ({ name }: Compared) => name.startsWith('single')
  const best = peers.filter(isSingle).toSorted((a, b) => median(a.ratios) - median(b.ratios))[0]!
  const figure = ({ ratios }: Compared, name: string, label: string) =>
    figureOf(ratios, {
      id: `peers.ratio-${name}`,
      label: `stockhold : ${label}`,
      unit: 'ratio',
      better: 'higher',
    })
  return [
    figure(best, 'best-single', `best single variant (${best.label})`),
    ...peers.filter((peer) => !isSingle(peer)).map((peer) => figure(peer, peer.name, peer.label)),
  ]
}

function rateTable(ours: Rates, peers: readonly Compared[]): Table {
  const speeds = ({ rates }: Rates) => [median(rates), Math.min(...rates), Math.max(...rates)].map(Math.round)
  return {
    title: 'Accepted reservations a second; stockhold : peer between neighbouring rounds',
    columns: ['peer', 'callers', 'median/s', 'lowest', 'highest', 'ratio', 'lowest ratio', 'highest ratio'],
    rows: [
      [ours.label, ours.callers, ...speeds(ours), '', '', ''],
      ...peers.map((peer) => [
        peer.label,
        peer.callers,
        ...speeds(peer),
        ...[median(peer.ratios), Math.min(...peer.ratios), Math.max(...peer.ratios)].map((value) =>
          rounded(value, 2),
        ),
      ]),
    ],
  }
}

function raceTable(all: readonly Rates[], races: Measured['races']): Table {
  return {
    title: 'What holds with more buyers than units, some of whom click twice or want more than the limit',
    columns: [
      'peer',
      'units',
      'oversold',
      'over the limit',
      'units taken twice',
      'counter at the end',
      'holds expire',
    ],
    rows: all.flatMap(({ name, label }) => {
      const found = races.get(name)
      if (!found) return []
      const { units, oversold, overLimit, takenTwice, left, recorded } = found
      return [[label, units, oversold, overLimit, takenTwice, left, recorded === null ? 'no' : 'yes']]
    }),
  }
}

function chart(all: readonly Rates[], races: Measured['races']): BarChart {
  return {
    kind: 'bars',
    title: 'Accepted reservations a second',
    unit: '/s',
    bars: all.map(({ name, label, rates }) => ({
      label,
      value: median(rates),
      spread: [Math.min(...rates), Math.max(...rates)],
      note: note(races.get(name)),
    })),
  }
}

function note(race: RaceResult | undefined): string {
  if (!race) return 'sells nothing'
  const lost = [
    race.overLimit > 0 && `${race.overLimit} over the limit`,
    race.takenTwice > 0 && `${race.takenTwice} taken twice`,
    race.left < 0 && `counter at ${race.left}`,
  ]
  return [`oversold ${race.oversold}`, ...lost.filter((text) => text !== false)].join(', ')
}
