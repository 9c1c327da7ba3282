/** The application of the part `latency`, as a process: it reserves what the generator asks for. */
import { PerformanceObserver } from 'node:perf_hooks'
import { type Invariant, Invariants } from '../../scripts/lib/load/invariants.js'
import { BenchSale } from '../../scripts/lib/load/sale.js'
import { redisEngine } from '../../src/index.js'
import { reserveRound } from '../load/reserve-round.js'
import { serveTasks } from '../load/task-process.js'
import { answerRequests } from './connection.js'

export interface ApplicationSetting {
  readonly url: string
  readonly prefix: string
}

export type ApplicationTask =
  /** Answers the accepted reservations a second of callers in this process. */
  | { readonly type: 'ceiling'; readonly sale: string; readonly seconds: number }
  /** Opens the sale of the next requests; answers the port on which they are expected. */
  | { readonly type: 'open'; readonly sale: string }
  /** Answers the longest pause of the garbage collection since the sale was opened, in ms. */
  | { readonly type: 'pause' }
  /** Compares all sales with the answers; recounts the last ones. */
  | { readonly type: 'finish'; readonly audits: number }

export interface ApplicationAnswer {
  readonly value: number
  readonly invariants: readonly Invariant[]
}

serveTasks<ApplicationSetting, ApplicationTask, ApplicationAnswer>(({ url, prefix }) => {
  const engine = redisEngine(url, { prefix })
  const invariants = new Invariants()
  const sales: BenchSale[] = []
  let current: BenchSale | undefined
  let longestPause = 0
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) longestPause = Math.max(longestPause, duration)
  }).observe({ entryTypes: ['gc'] })
  const port = answerRequests((n) =>
    current!.reserve(n).catch((error) => {
      invariants.check('no request fails', false, String(error))
      return 'failed'
    }),
  )

  return async (task) => ({ value: await carryOut(task), invariants: invariants.list() })

  async function carryOut(task: ApplicationTask): Promise<number> {
    switch (task.type) {
      case 'ceiling':
        return reserveRound(engine, task.sale, task, invariants, false)
      case 'open':
        current = await BenchSale.open(engine, task.sale)
        sales.push(current)
        longestPause = 0
        return port
      case 'pause':
        return longestPause
      case 'finish':
        // At the end, since the garbage of an audit would slow down the next load.
        for (const [i, sale] of sales.entries()) {
          await sale.finish(invariants, { audit: i >= sales.length - task.audits })
        }
        await engine.close()
        return sales.length
    }
  }
})
