import { Redis } from 'ioredis'
import { closedLoop } from '../../scripts/lib/load/drive.js'
import type { Invariants } from '../../scripts/lib/load/invariants.js'
import type { Context } from '../part.js'
import { knowPlainScripts } from '../plain/plain-sale.js'
import { openPlainSales } from './plain-sales.js'
import type { PlainResult } from './plain-worker.js'
import { type Night, NightPlan } from './plan.js'
import { NightProcesses } from './processes.js'

/** Plays the same orders by plain scripts; answers the seconds from the first order to the last. */
export async function playPlainNight(
  context: Context,
  night: Night,
  callers: number,
  invariants: Invariants,
): Promise<number> {
  const plan = new NightPlan(night)
  const { url } = await context.redis()
  const prefix = context.prefix()
  const client = knowPlainScripts(new Redis(url))
  const sales = openPlainSales(client, prefix, night.stores)
  const servers = new NightProcesses<PlainResult>('launch-night/plain-worker.ts', (done) =>
    context.progress.update('the same night by plain scripts', done, plan.total, 'orders'),
  )
  const ofEach = async (work: (sale: number) => Promise<void>) => {
    const { failed, error } = await closedLoop({
      callers: 200,
      limit: { count: sales.length },
      work: async (sale) => {
        await work(sale)
        return 'accepted'
      },
    })
    if (failed > 0) throw error
  }
  try {
    await ofEach((sale) => sales[sale]!.create(plan.stock(sale)))
    const startAt = await servers.ready()
    const results = await servers.run({ url, prefix, night, callers, startAt })
    const failed = results.reduce((sum, each) => sum + each.failed, 0)
    const error = results.find((each) => each.error)?.error
    invariants.check('the plain scripts answer every order', failed === 0, `${failed} failed: ${error}`)
    let pending = 0
    let held = 0
    await ofEach(async (sale) => {
      const { left, holds, pending: notPaid } = await sales[sale]!.counts()
      held += holds
      pending += notPaid
      const told = results.reduce((sum, { taken }) => sum + taken[sale]!, 0)
      invariants.check(
        'the plain scripts have taken what their buyers were told, and no more than there is',
        left >= 0 && plan.stock(sale) - left === told,
        `sale ${sale}: ${left} left of ${plan.stock(sale)}, told ${told}`,
      )
    })
    const confirmed = results.reduce((sum, each) => sum + each.confirmed, 0)
    invariants.check(
      'the plain scripts have confirmed what their buyers were told',
      held - pending === confirmed,
      `${held - pending} confirmed, told ${confirmed}`,
    )
    return (Math.max(...results.map(({ endedAt }) => endedAt)) - startAt) / 1_000
  } finally {
    servers.stop()
    client.disconnect()
  }
}
