import { BadOption } from '../tool-options.js'
import { type Course, courseOf } from './course.js'
import { type CommandCost, confirm, join, reserve } from './figures.js'
import { type Load, loadOf } from './load.js'
import type { ForeseenSale, Resources } from './options.js'
import { type Processes, processesOf } from './processes.js'
import { at, type Batches, batchesOf, MOST_PARTITIONS, type Servers, serversOf } from './servers.js'

export interface Plan {
  readonly sale: ForeseenSale
  readonly resources: Resources
  /** Everything fits on one Redis with one partition. */
  readonly oneIsEnough: boolean
  /** `null` without a waiting room. `burst`: admissions at once after a quiet time. */
  readonly waitingRoom: { readonly ratePerSecond: number; readonly burst: number } | null
  readonly servers: Servers
  readonly batches: Batches
  readonly processes: Processes
  readonly load: Load
  /** Bytes a second between the processes and all masters, in the busiest one. */
  readonly network: { readonly toRedis: number; readonly fromRedis: number }
  readonly course: Course
}

/** @throws {BadOption} If no sale can be as large as that. */
export function planOf(sale: ForeseenSale, resources: Resources): Plan {
  const course = courseOf(sale)
  const load = loadOf(sale, course)
  const servers = serversOf(sale, load, course, resources)
  if (servers.partitions > MOST_PARTITIONS) {
    const why = `that many would be needed: ${servers.partitions} partitions, and a sale has at most ${MOST_PARTITIONS}`
    throw new BadOption(
      servers.decidedBy === 'memory' ? 'gib' : 'core',
      `must be larger, or the sale smaller; ${why}`,
    )
  }
  const processes = processesOf(sale, load, resources)
  const batches = batchesOf(load, servers, processes.count)
  return {
    sale,
    resources,
    oneIsEnough: servers.masters + servers.ofRoom === 1,
    waitingRoom: sale.rate === undefined ? null : { ratePerSecond: sale.rate, burst: sale.rate },
    servers,
    batches,
    processes,
    load,
    network: network(load, batches),
    course,
  }
}

function network(load: Load, { reservations: batch }: Batches): Plan['network'] {
  const sum = (direction: 'received' | 'sent') =>
    (
      [
        [reserve, load.reserves],
        [confirm, load.confirms],
        [join, load.joins],
      ] as [CommandCost, number][]
    ).reduce((bytes, [cost, perSecond]) => bytes + perSecond * at(cost[direction], batch), 0)
  return { toRedis: sum('received'), fromRedis: sum('sent') }
}
