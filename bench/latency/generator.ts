/** The load generator of the part `latency`, as a process that does nothing else. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { openArrivals, poisson, type Tally } from '../../scripts/lib/load/drive.js'
import { Recorder, type RecorderData } from '../../scripts/lib/load/recorder.js'
import { random } from '../../scripts/lib/random.js'
import { serveTasks } from '../load/task-process.js'
import { remoteWork } from './connection.js'

export interface GeneratorTask {
  readonly port: number
  readonly perSecond: number
  readonly seconds: number
  readonly seeds: readonly number[]
}

export interface Generated {
  readonly recorder: RecorderData
  /** Of everything, warm-up included; without the error. */
  readonly tallies: readonly Omit<Tally, 'error'>[]
  /** How late the generator itself was, in ms. */
  readonly lateness: { readonly mean: number; readonly max: number }
}

export const INTERVAL_MS = 250
/** Of each load, not recorded. */
const WARM_UP_SECONDS = 0.3

serveTasks<null, GeneratorTask, Generated>(() => async ({ port, perSecond, seconds, seeds }) => {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  await once(socket, 'connect')
  const work = remoteWork(socket)
  const gap = poisson(perSecond, random(...seeds))
  const first = Math.ceil(perSecond * WARM_UP_SECONDS)
  const { error: _, ...warmUp } = await openArrivals({ gap, limit: { count: first }, work })
  const recorder = new Recorder(INTERVAL_MS)
  const load = await openArrivals({ gap, limit: { seconds }, first, work, recorder })
  socket.destroy()
  const { error: __, lateness, ...tally } = load
  return { recorder, tallies: [warmUp, tally], lateness }
})
