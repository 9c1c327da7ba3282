import { reserveRound } from './reserve-round.js'
/** The process of the part `latency`, in which load generator and library run together. */

import { openArrivals, poisson } from '../../scripts/lib/load/drive.js'
import { allAccepted, Invariants } from '../../scripts/lib/load/invariants.js'
import { Recorder, type RecorderData } from '../../scripts/lib/load/recorder.js'
import { BenchSale } from '../../scripts/lib/load/sale.js'
import { random } from '../../scripts/lib/random.js'
import { redisEngine } from '../../src/index.js'
import type { PartResult } from '../part.js'
import { serve } from './worker.js'

export interface LatencyInput {
  readonly url: string
  readonly prefix: string
  readonly seed: number
  /** Of the ceiling. */
  readonly shares: readonly number[]
  readonly rounds: number
  readonly ceilingSeconds: number
  readonly loadSeconds: number
}

interface LoadResult {
  readonly share: number
  /** Each round's own, in ms. */
  readonly p99: number[]
  readonly offered: number[]
  /** How late the generator was: on average in each round, and at most. */
  readonly lateness: { readonly means: number[]; max: number }
  /** The rounds, one behind the other. */
  readonly recorder: RecorderData
}

export interface LatencyResult {
  readonly ceilings: readonly number[]
  readonly loads: readonly LoadResult[]
  readonly invariants: PartResult['invariants']
}

const INTERVAL_MS = 250
/** Of each load, not recorded. */
const WARM_UP_SECONDS = 0.3

serve(async (input: LatencyInput, step: (done: number) => void): Promise<LatencyResult> => {
  const engine = redisEngine(input.url, { prefix: input.prefix })
  const invariants = new Invariants()
  const ceilings: number[] = []
  const loads = input.shares.map((share) => ({
    share,
    p99: [] as number[],
    offered: [] as number[],
    lateness: { means: [] as number[], max: 0 },
    recorder: new Recorder(INTERVAL_MS),
  }))
  const sales: BenchSale[] = []
  const ceilingOf = (id: string) =>
    reserveRound(engine, id, { seconds: input.ceilingSeconds }, invariants, false)
  await ceilingOf('warm-up')
  for (let round = 0; round < input.rounds; round++) {
    const perSecond = await ceilingOf(`ceiling-${round}`)
    ceilings.push(perSecond)
    for (const [i, { share, p99, offered, lateness, recorder }] of loads.entries()) {
      step(round * loads.length + i)
      const sale = await BenchSale.open(engine, `load-${share}-${round}`)
      sales.push(sale)
      const rate = share * perSecond
      const gap = poisson(rate, random(input.seed, round, i))
      const recorded = new Recorder(INTERVAL_MS)
      const warmUp = { gap, limit: { count: rate * WARM_UP_SECONDS }, work: sale.reserve }
      allAccepted(await openArrivals(warmUp), invariants)
      const limit = { seconds: input.loadSeconds }
      const tally = await openArrivals({
        gap,
        limit,
        first: sale.held,
        work: sale.reserve,
        recorder: recorded,
      })
      allAccepted(tally, invariants)
      offered.push(rate)
      p99.push(recorded.latency().at(0.99))
      lateness.means.push(tally.lateness.mean)
      lateness.max = Math.max(lateness.max, tally.lateness.max)
      recorder.merge(recorded, recorder.intervals.length)
    }
  }
  // At the end, since the garbage of an audit would slow down the next load.
  for (const [i, sale] of sales.entries()) {
    await sale.finish(invariants, { audit: i >= sales.length - loads.length })
  }
  await engine.close()
  return { ceilings, loads, invariants: invariants.list() }
})
