import { hostname } from 'node:os'
import { version } from '../../package.json'
import { LAYOUT } from '../engine/layout.js'
import type { CallCounts, Latency } from '../telemetry/call-counts.js'

/** The most names of sales, and of rooms, that a process tells; also of those in use. */
export const MOST_NAMES = 50 // tuning
const tuning = {
  /** The most sales whose answers to buyers it tells. */
  answers: 24,
  /** How old the memory may be that it tells: to read it takes as long as a reservation. ms */
  memoryMs: 500,
}

const host = hostname()
const memory = { readAt: Number.NEGATIVE_INFINITY, bytes: 0 }

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
  /**
   * What the buyers of the busiest sales were answered to `reserve`, by status, or code of the
   * error. An earlier version leaves it out.
   */
  readonly answers?: readonly (readonly [sale: string, counts: Readonly<Record<string, number>>])[]
  /** The sales and waiting rooms that the process has open: some of their ids, and their number. */
  readonly sales: OpenNames
  readonly rooms: OpenNames
  /** Some of the sales that the process has used: an operator sees by them that one is lost. */
  readonly inUse: readonly SaleInUse[]
  /** The same of waiting rooms. An earlier version leaves it out. */
  readonly roomsInUse?: readonly RoomInUse[]
}

/** A sale as a process has found it. */
export interface SaleInUse {
  readonly id: string
  readonly incarnation: string
  readonly partitions: number
}

/** A waiting room as a process has found it. */
export type RoomInUse = Omit<SaleInUse, 'partitions'>

export interface OpenNames {
  readonly count: number
  readonly ids: readonly string[]
}

/**
 * The figures as a text, of at most `maxBytes`: with as many names as there is room for. Answers
 * are left out first, since a recovery looks for the names.
 */
export function figuresText(figures: ProcessFigures, maxBytes: number): string {
  const { sales, rooms, inUse, roomsInUse = [], answers = [] } = figures
  for (let [told, names] = [tuning.answers, MOST_NAMES]; ; ) {
    const some: ProcessFigures = {
      ...{ ...figures, sales: shorter(sales, names), rooms: shorter(rooms, names) },
      ...{ inUse: inUse.slice(0, names), roomsInUse: roomsInUse.slice(0, names) },
      answers: answers.slice(0, told),
    }
    const text = JSON.stringify(some)
    if (Buffer.byteLength(text) <= maxBytes || names === 0) return text
    if (told > 0) told = Math.floor(told / 2)
    else names = Math.floor(names / 2)
  }
}

function shorter({ count, ids }: OpenNames, most: number): OpenNames {
  return { count, ids: ids.slice(0, most) }
}

export function figuresOf(
  counts: CallCounts,
  open: Pick<ProcessFigures, 'openForMs' | 'sales' | 'rooms' | 'inUse' | 'roomsInUse'>,
): ProcessFigures {
  return {
    host,
    pid: process.pid,
    version,
    layout: LAYOUT,
    node: process.version,
    rss: residentBytes(),
    openCalls: counts.open,
    calls: counts.counts,
    latency: counts.takeLatencies(),
    answers: counts.answers.busiest(tuning.answers),
    ...open,
  }
}

/** A virtual clock has engines beat thousands of times a second. */
function residentBytes(): number {
  const now = performance.now()
  if (now - memory.readAt < tuning.memoryMs) return memory.bytes
  memory.readAt = now
  memory.bytes = process.memoryUsage.rss()
  return memory.bytes
}
