import type { Course } from './course.js'
import {
  type CommandCost,
  type Cost,
  confirm,
  expire,
  FULL_BATCH,
  join,
  ROUND_TRIP_MS,
  reserve,
  server,
} from './figures.js'
import type { Load } from './load.js'
import type { ForeseenSale, Resources } from './options.js'

export interface Servers {
  /** Masters for the sale. */
  readonly masters: number
  /**
   * One more master, for the waiting room alone; without it the room is on the master of the sale.
   */
  readonly ofRoom: 0 | 1
  readonly decidedBy: 'cpu' | 'memory'
  readonly partitions: number
  /** Cores that the busiest second takes in full batches. */
  readonly cores: { readonly sale: number; readonly room: number }
  /** Whether one core, which is all that a waiting room has, keeps up with the joins. */
  readonly roomKeepsUp: boolean
  /** Bytes, of all masters. */
  readonly memory: Memory
  /** Bytes to set on the fullest master. */
  readonly maxmemory: number
}

interface Memory {
  readonly reservations: number
  readonly visitors: number
  readonly rest: number
  readonly total: number
}

/**
 * A partition moves to another master as a whole: with two on each, the cluster can double while
 * the sale runs.
 */
const PARTITIONS_A_MASTER = 2
export const MOST_PARTITIONS = 1_024
/** A growing hash has two tables for a while, and a snapshot copies what changes meanwhile. */
const HEADROOM = 2

/** The cost of an item in a batch of this size. */
export function at({ perCall, perItem }: Cost, batch: number): number {
  return perItem + perCall / batch
}

export function serversOf(sale: ForeseenSale, load: Load, course: Course, { core, gib }: Resources): Servers {
  const cores = {
    sale: work([reserve, load.reserves], [confirm, load.confirms], [expire, load.expiries]),
    room: work([join, load.joins]),
  }
  const kept = memoryOf(sale, course, 1)
  const byMemory = Math.ceil(kept.total / (gib * 2 ** 30))
  const onOne = cores.sale + cores.room <= core
  const byCpu = Math.ceil(cores.sale / core)
  const masters = Math.max(1, byCpu, byMemory)
  const partitions = masters === 1 ? 1 : PARTITIONS_A_MASTER * masters
  const memory = memoryOf(sale, course, partitions)
  return {
    masters,
    ofRoom: load.joins > 0 && !(masters === 1 && onOne) ? 1 : 0,
    decidedBy: byMemory > Math.max(1, byCpu) ? 'memory' : 'cpu',
    partitions,
    cores,
    roomKeepsUp: cores.room <= core,
    memory,
    maxmemory: Math.ceil((HEADROOM * memory.total) / masters / 2 ** 20) * 2 ** 20,
  }
}

/** Cores, with full batches, as on a busy server. */
function work(...commands: readonly (readonly [CommandCost, number])[]): number {
  return commands.reduce((sum, [{ cpu }, perSecond]) => sum + (at(cpu, FULL_BATCH) * perSecond) / 1e6, 0)
}

/**
 * Reservations are kept until the sale is removed. Each is taken to be a call of its own, which
 * takes the most memory.
 */
function memoryOf(sale: ForeseenSale, course: Course, partitions: number): Memory {
  const made = course.reservations
  const reservations =
    made *
    (at(reserve.memory, 1) + sale.paid * at(confirm.memory, 1) + (1 - sale.paid) * at(expire.memory, 1))
  const visitors = sale.rate === undefined ? 0 : sale.arrivals * join.memory.perItem
  const rest = server.base + partitions * server.partition
  return { reservations, visitors, rest, total: reservations + visitors + rest }
}

export interface Batches {
  /** Reservations a call, in the busiest second. */
  readonly reservations: number
  /** What an answer takes then, in ms. */
  readonly waitMs: number
  /**
   * Single calls would be more than a master can do, so it is always busy and batches grow until it
   * keeps up.
   */
  readonly areGrown: boolean
}

/**
 * A process sends a partition what has come meanwhile, with at most two calls of each command under
 * way. A master with more work than single calls could carry is always busy, and batches grow until
 * it keeps up. The more processes and partitions share a master, the more calls queue up there.
 */
export function batchesOf(load: Load, { masters, partitions, ofRoom }: Servers, processes: number): Batches {
  const batchers = (processes * partitions) / masters
  const commands = [
    { cpu: reserve.cpu, perSecond: load.reserves / masters },
    { cpu: confirm.cpu, perSecond: load.confirms / masters },
  ]
  if (load.joins > 0 && !ofRoom) commands.push({ cpu: join.cpu, perSecond: load.joins })
  const share = (of: (cpu: Cost) => number) =>
    commands.reduce((sum, { cpu, perSecond }) => sum + (of(cpu) * perSecond) / 1e6, 0)
  const alone = share((cpu) => at(cpu, 1))
  if (alone < 1) {
    const waitMs = ROUND_TRIP_MS + at(reserve.cpu, 1) / 1_000 / (1 - alone)
    return { reservations: 1, waitMs, areGrown: false }
  }
  const calls = 2 * batchers * commands.reduce((sum, { cpu }) => sum + cpu.perCall, 0)
  const waitMs = Math.max(ROUND_TRIP_MS, calls / 1_000 / (1 - share((cpu) => cpu.perItem)))
  const reservations = ((load.reserves / masters / batchers) * waitMs) / 2_000
  return { reservations: Math.min(FULL_BATCH, Math.max(1, reservations)), waitMs, areGrown: true }
}
