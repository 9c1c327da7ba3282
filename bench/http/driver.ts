/** The load generator of the part `http`, as a process that does nothing else. */
import { closedLoop, openArrivals, poisson, type Tally } from '../../scripts/lib/load/drive.js'
import { Recorder, type RecorderData } from '../../scripts/lib/load/recorder.js'
import { random } from '../../scripts/lib/random.js'
import { serveTasks } from '../load/task-process.js'
import { HttpConnections } from './connections.js'
import type { Told } from './shop.js'
import { type Operation, Visits } from './visits.js'

export interface DriverTask {
  readonly port: number
  /** The visitors of a scene are told apart, and their tickets are kept until the next scene. */
  readonly scene: string
  readonly operation: Operation
  readonly hasQueue: boolean
  readonly count: number
  readonly load: { readonly callers: number } | { readonly perSecond: number; readonly seeds: number[] }
}

export interface Driven {
  readonly tally: Tally
  /** Requests that were answered. */
  readonly requests: number
  readonly latency: RecorderData
  /** How late the generator itself was with open arrivals, in ms. */
  readonly lateness: { readonly mean: number; readonly max: number } | undefined
  /** In the whole scene. */
  readonly told: Told
}

const CONNECTIONS = 128
const INTERVAL_MS = 250

serveTasks<null, DriverTask, Driven>(() => {
  let current = { scene: '', visits: new Visits(), first: 0 }
  return async ({ port, scene, operation, hasQueue, count, load }) => {
    if (scene !== current.scene) current = { scene, visits: new Visits(), first: 0 }
    const { visits, first } = current
    const connections = await HttpConnections.open(port, CONNECTIONS)
    const latency = new Recorder(INTERVAL_MS)
    const work = visits.of(operation, connections, hasQueue)
    const drive = { limit: { count }, first, work, recorder: latency }
    const tally =
      'callers' in load
        ? await closedLoop({ ...drive, callers: load.callers })
        : await openArrivals({ ...drive, gap: poisson(load.perSecond, random(...load.seeds)) })
    connections.close()
    current.first += tally.accepted + tally.refused + tally.failed
    return {
      // An error of a process cannot be cloned with everything that it may hold.
      tally: { ...tally, error: tally.error === undefined ? undefined : String(tally.error) },
      requests: connections.answered,
      latency: { intervalMs: latency.intervalMs, intervals: latency.intervals },
      lateness: 'lateness' in tally ? (tally.lateness as Driven['lateness']) : undefined,
      told: { ...visits.told },
    }
  }
})
