import { hostname } from 'node:os'
import { version } from '../../package.json'
import { LAYOUT } from '../engine/layout.js'
import type { CallCounts, Latency } from '../telemetry/call-counts.js'

const tuning = {
  /** The most names of sales, and of rooms, that a process tells. */
  names: 50,
}

/** What a process tells of itself with each beat. */
export interface ProcessFigures {
  readonly host: string
  readonly pid: number
  /** The version of this package, and the layout in which it stores sales. */
  readonly version: string
  readonly layout: number
  readonly node: string
  /** How long the engine has had an open handle. ms */
  readonly openForMs: number
  /** The memory of the process, in bytes. */
  readonly rss: number
  /** Calls that are open. */
  readonly openCalls: number
  /** The calls of its handles that have ended, by command and status, or code of the error. */
  readonly calls: Readonly<Record<string, Readonly<Record<string, number>>>>
  /** By command: the calls that have ended since the beat before, and how long they took. */
  readonly latency: Readonly<Record<string, Latency>>
  /** The sales and waiting rooms that the process has open: some of their ids, and their number. */
  readonly sales: OpenNames
  readonly rooms: OpenNames
}

export interface OpenNames {
  readonly count: number
  readonly ids: readonly string[]
}

/** The figures as a text, of at most `maxBytes`: with as many names as there is room for. */
export function figuresText(figures: ProcessFigures, maxBytes: number): string {
  for (let most = tuning.names; ; most = Math.floor(most / 2)) {
    const { sales, rooms } = figures
    const some = { ...figures, sales: shorter(sales, most), rooms: shorter(rooms, most) }
    const text = JSON.stringify(some)
    if (Buffer.byteLength(text) <= maxBytes || most === 0) return text
  }
}

function shorter({ count, ids }: OpenNames, most: number): OpenNames {
  return { count, ids: ids.slice(0, most) }
}

export function figuresOf(
  counts: CallCounts,
  open: Pick<ProcessFigures, 'openForMs' | 'sales' | 'rooms'>,
): ProcessFigures {
  return {
    host: hostname(),
    pid: process.pid,
    version,
    layout: LAYOUT,
    node: process.version,
    rss: process.memoryUsage.rss(),
    openCalls: counts.open,
    calls: counts.counts,
    latency: counts.takeLatencies(),
    ...open,
  }
}
