/** An application server of the same night by plain scripts, as a process. */
import { performance } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { closedLoop } from '../../scripts/lib/load/drive.js'
import { serve } from '../load/worker.js'
import { knowPlainScripts } from '../plain/plain-sale.js'
import { openPlainSales } from './plain-sales.js'
import { NightPlan } from './plan.js'
import type { WorkerInput } from './worker.js'

type PlainInput = Omit<WorkerInput, 'pace'>

export interface PlainResult {
  /** Units by sale. */
  readonly taken: Uint32Array
  readonly confirmed: number
  readonly failed: number
  readonly error: string | undefined
  /** In epoch ms. */
  readonly endedAt: number
}

/**
 * The orders of this process: a double click sends two requests, and all buyers pay at once who pay
 * at all. Nothing is released, and nothing waits: the plain scripts have less to do.
 */
serve(async (input: PlainInput, step: (done: number) => void): Promise<PlainResult> => {
  const { url, prefix, night, worker, workers, callers } = input
  const plan = new NightPlan(night)
  const client = knowPlainScripts(new Redis(url))
  const sales = openPlainSales(client, prefix, night.stores)
  const taken = new Uint32Array(sales.length)
  const orders = plan.ordersOf(worker, workers)
  let done = 0
  let confirmed = 0
  const progress = setInterval(() => step(done), 200)
  await delay(input.startAt - performance.timeOrigin - performance.now() + 1)
  const { failed, error } = await closedLoop({
    callers,
    limit: { count: orders },
    work: async (n) => {
      const { sale: at, key, buyer, quantity, doubleClick, fate } = plan.order(worker + n * workers)
      const sale = sales[at]!
      const click = () => sale.reserve(key, buyer, quantity)
      const answers = doubleClick ? await Promise.all([click(), click()]) : [await click()]
      done++
      if (!answers.includes('reserved')) return 'refused'
      taken[at]! += quantity
      if ((fate === 'pays' || fate === 'pays late') && (await sale.confirm(key, `paid-${key}`))) confirmed++
      return 'accepted'
    },
  })
  const endedAt = Date.now()
  clearInterval(progress)
  client.disconnect()
  return { taken, confirmed, failed, error: error === undefined ? undefined : String(error), endedAt }
})
