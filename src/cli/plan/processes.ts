import { process as limits, processMemory } from './figures.js'
import { type Load, requestsOf } from './load.js'
import type { ForeseenSale, Resources } from './options.js'

export interface Processes {
  readonly count: number
  /** Processes that the library alone would fill in the busiest second. */
  readonly library: number
  /** HTTP requests in that second. */
  readonly requests: number
  readonly decidedBy: 'two' | 'library' | 'http'
  /** Bytes of each. */
  readonly memory: number
}

/**
 * Half of what a process can do: answers still come in milliseconds, and the other half is for the
 * application.
 */
const SHARE = 0.5
/** One may crash. */
const LEAST = 2

export function processesOf(sale: ForeseenSale, load: Load, { processRate }: Resources): Processes {
  const library =
    load.reserves / limits.reserves +
    load.confirms / limits.confirms +
    load.joins / limits.joins +
    load.polls / limits.polls
  const requests = requestsOf(load)
  const forLibrary = Math.ceil(library / SHARE)
  const forHttp = processRate === undefined ? 0 : Math.ceil(requests / processRate)
  const count = Math.max(LEAST, forLibrary, forHttp)
  const visitors = sale.rate === undefined ? 0 : Math.min(sale.arrivals, processMemory.visitors)
  return {
    count,
    library,
    requests,
    decidedBy: count === LEAST ? 'two' : forHttp > forLibrary ? 'http' : 'library',
    memory: processMemory.base + processMemory.remembered + visitors * processMemory.visitor,
  }
}
