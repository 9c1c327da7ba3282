/** An application server of the launch night, as a process. */
import { performance } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { closedLoop, openArrivals, poisson } from '../../scripts/lib/load/drive.js'
import { Recorder, type RecorderData } from '../../scripts/lib/load/recorder.js'
import { random } from '../../scripts/lib/random.js'
import { redisEngine } from '../../src/index.js'
import { serve } from '../load/worker.js'
import { Buyers, type Pace, type Told } from './buyers.js'
import { type Night, NightPlan } from './plan.js'

export interface WorkerInput {
  readonly url: string
  readonly prefix: string
  readonly night: Night
  /**
   * This worker's number, and how many there are. Worker i takes the orders i, i + workers, i + 2 *
   * workers, ...
   */
  readonly worker: number
  readonly workers: number
  /** Orders of one process under way at a time, where they come as fast as possible. */
  readonly callers: number
  /** When all begin, in epoch ms. */
  readonly startAt: number
  readonly pace: Pace & {
    readonly intervalMs: number /** 0: as fast as possible. */
    readonly seconds: number
  }
}

export interface WorkerResult {
  readonly told: Told
  readonly recorder: RecorderData
  /** In epoch ms. */
  readonly endedAt: number
  /** Why an order was abandoned, the first of them. */
  readonly error: string | undefined
}

serve(async (input: WorkerInput, step: (done: number) => void): Promise<WorkerResult> => {
  const { night, worker, workers, pace } = input
  const plan = new NightPlan(night)
  const engine = redisEngine(input.url, { prefix: input.prefix })
  const origin = input.startAt - performance.timeOrigin
  const recorder = new Recorder(pace.intervalMs, origin)
  const buyers = new Buyers(plan, engine, pace, recorder, random(night.seed, worker))
  const orders = plan.ordersOf(worker, workers)
  let done = 0
  const progress = setInterval(() => step(done), 200)

  await delay(origin - performance.now() + 1)
  const drive = { limit: { count: orders } }
  const tally =
    pace.seconds > 0
      ? await openArrivals({
          ...drive,
          gap: poisson(orders / pace.seconds, random(night.seed, worker, 1)),
          recorder,
          work: async (n) => {
            const rest = await buyers.reserve(worker + n * workers)
            done++
            if (rest) buyers.goOn(rest())
            return rest ? 'accepted' : 'refused'
          },
        })
      : await closedLoop({
          ...drive,
          callers: input.callers,
          work: async (n) => {
            const startedAt = performance.now()
            const rest = await buyers.reserve(worker + n * workers)
            const outcome = rest ? 'accepted' : 'refused'
            recorder.add(outcome, startedAt, performance.now())
            done++
            await rest?.()
            return outcome
          },
        })
  const endedAt = Date.now()
  const told = await buyers.finish()
  clearInterval(progress)
  await engine.close()
  const error = tally.error === undefined ? undefined : String(tally.error)
  return { told: { ...told, abandoned: told.abandoned + tally.failed }, recorder, endedAt, error }
})
