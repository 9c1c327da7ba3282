import { performance } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { closedLoop } from '../../scripts/lib/load/drive.js'
import type { Invariants } from '../../scripts/lib/load/invariants.js'
import { Recorder } from '../../scripts/lib/load/recorder.js'
import { type Engine, FlashSale, redisEngine } from '../../src/index.js'
import type { Context } from '../part.js'
import { rulesOf, type Told } from './buyers.js'
import { close, sumOf } from './closing.js'
import { type Night, NightPlan, saleName, skuOf } from './plan.js'
import { NightProcesses } from './processes.js'
import type { WorkerInput, WorkerResult } from './worker.js'

/** Units of mango-me at a moment. */
interface Left {
  readonly seconds: number
  readonly available: number
  readonly held: number
  readonly confirmed: number
}

export interface NightResult {
  readonly plan: NightPlan
  readonly workers: number
  /** From the first order to the last. */
  readonly seconds: number
  readonly told: Told
  readonly recorder: Recorder
  readonly left: readonly Left[]
}

/** Plays the night once, and checks that everything adds up at its end. */
export async function playNight(
  context: Context,
  night: Night,
  { callers, ...pace }: WorkerInput['pace'] & Pick<WorkerInput, 'callers'>,
  invariants: Invariants,
): Promise<NightResult> {
  const plan = new NightPlan(night)
  const { url } = await context.redis()
  const prefix = context.prefix()
  const engine = redisEngine(url, { prefix })
  const label = pace.seconds > 0 ? 'the night in real time' : 'the night as fast as possible'
  const servers = new NightProcesses<WorkerResult>('launch-night/worker.ts', (done) =>
    context.progress.update(label, done, plan.total, 'orders'),
  )
  try {
    const sales = await openSales(plan, engine)
    const startAt = await servers.ready()
    const left = watch(sales[0]!, startAt, pace.intervalMs)
    const results = await servers.run({ url, prefix, night, callers, startAt, pace }).finally(left.stop)
    const error = results.find((result) => result.error)?.error
    invariants.check('no order ended in an unexpected error', error === undefined, error)
    // By then the last holds of buyers who walked away from mango-me have expired.
    await delay(pace.shortHoldMs + 100)
    const told = sumOf(results.map((result) => result.told))
    await close(plan, sales, told, invariants)
    for (const sale of sales) await sale.close()
    const recorder = new Recorder(pace.intervalMs)
    for (const result of results) recorder.merge(result.recorder)
    const endedAt = Math.max(...results.map((result) => result.endedAt))
    const seconds = (endedAt - startAt) / 1_000
    return { plan, workers: servers.count, seconds, told, recorder, left: left.seen }
  } finally {
    servers.stop()
    await engine.close()
  }
}

async function openSales(plan: NightPlan, engine: Engine): Promise<FlashSale[]> {
  const sales = Array.from(
    { length: plan.night.stores + 1 },
    (_, sale) => new FlashSale(saleName(sale), { engine, deadlineMs: 60_000 }),
  )
  const { failed, error } = await closedLoop({
    callers: 200,
    limit: { count: sales.length },
    work: async (sale) => {
      await sales[sale]!.create(rulesOf(plan, sale))
      return 'accepted'
    },
  })
  if (failed > 0) throw new Error('The sales could not be created.', { cause: error })
  return sales
}

/** Looks at a sale's counts at every interval. */
function watch(sale: FlashSale, startAt: number, intervalMs: number): { seen: Left[]; stop(): void } {
  const seen: Left[] = []
  const origin = startAt - performance.timeOrigin
  const timer = setInterval(async () => {
    const asked = performance.now()
    if (asked < origin) return
    // A failed look is a gap in the chart; the counts at the end are checked apart.
    const counts = (await sale.stats().catch(() => undefined))?.skus[skuOf(0)]
    if (counts) seen.push({ seconds: (asked - origin) / 1_000, ...counts })
  }, intervalMs)
  return { seen, stop: () => clearInterval(timer) }
}
