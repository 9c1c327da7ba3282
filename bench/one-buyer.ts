import { setTimeout as delay } from 'node:timers/promises'
import { Invariants } from '../scripts/lib/load/invariants.js'
import { BenchSale, keyName, PLENTY, SKU } from '../scripts/lib/load/sale.js'
import { ServerMeter } from '../scripts/lib/load/server-meter.js'
import { openEngine } from './load/engine.js'
import { rounded } from './load/figures.js'
import type { Context, Part, PartResult } from './part.js'

/** Requests of the buyer under way at a time. */
const CALLERS = 500
/** ms from the beginning until all holds of the buyer expire at once. */
const EXPIRE_AFTER = { quick: 10_000, long: 25_000 }

/** What the server spent on one step. */
interface Spent {
  readonly what: string
  readonly count: number
  readonly microseconds: number
  readonly msACall: number
  readonly longestMs: number
}

export const part: Part = {
  name: 'one-buyer',
  question: 'What does a buyer with thousands of holds cost the other buyers?',
  run: measure,
}

async function measure(context: Context): Promise<PartResult> {
  const holds = context.quick ? 4_000 : 12_000
  const { url } = await context.ownRedis({ 'slowlog-log-slower-than': '100', 'slowlog-max-len': '100000' })
  const engine = await openEngine(context, url)
  const meter = new ServerMeter(url)
  const invariants = new Invariants()
  const spent: Spent[] = []
  const during = async (what: string, count: number, work: () => Promise<unknown>) => {
    context.progress.update(what, spent.length, 5, 'steps')
    await meter.client.call('SLOWLOG', 'RESET')
    const before = await meter.read()
    await work()
    const after = await meter.read()
    const cpu = after.cpu - before.cpu
    const msACall = (cpu * 1e3) / (after.calls - before.calls)
    spent.push({
      what,
      count,
      microseconds: (cpu * 1e6) / count,
      msACall,
      longestMs: await longestScript(meter),
    })
  }
  try {
    const bench = await BenchSale.open(engine, 'one-buyer', { limitPerBuyer: PLENTY })
    const expiresAt = Date.now() + (context.quick ? EXPIRE_AFTER.quick : EXPIRE_AFTER.long)
    const ids: string[] = []
    const reserve = (from: number, to: number) =>
      concurrently(from, to, async (n) => {
        const items = [{ sku: SKU, quantity: 1 }]
        const holdMs = Math.max(1, expiresAt - Date.now())
        ids[n] = (await bench.hold({ buyer: 'one', items, key: keyName(n), holdMs }))!
      })
    const some = holds / 8
    await reserve(0, CALLERS) // warms up
    await during(`reserve, from the ${CALLERS}th on`, some, () => reserve(CALLERS, CALLERS + some))
    await reserve(CALLERS + some, holds - some)
    await during(`reserve, up to the ${holds}th`, some, () => reserve(holds - some, holds))
    await during('confirm', some, () => concurrently(0, some, (n) => bench.confirm(ids[n]!)))
    await delay(expiresAt + 100 - Date.now())
    await during('all others expire', holds - some, () => bench.sale.stats())
    bench.held = 0
    const { confirmed, held } = (await bench.sale.stats()).skus[SKU]!
    invariants.check(
      'the confirmed holds stay, and all others have expired',
      confirmed === some && held === 0,
    )
    await bench.finish(invariants, { audit: false })
  } finally {
    meter.close()
    await engine.close()
  }
  return report(spent, holds, invariants)
}

async function concurrently(from: number, to: number, work: (n: number) => Promise<unknown>): Promise<void> {
  let next = from
  const caller = async () => {
    while (next < to) await work(next++)
  }
  await Promise.all(Array.from({ length: CALLERS }, caller))
}

/**
 * By the server's log of slow commands, which measures by the clock, so other work of the machine
 * counts too. ms
 */
async function longestScript(meter: ServerMeter): Promise<number> {
  const entries = (await meter.client.call('SLOWLOG', 'GET', '-1')) as [number, number, number, string[]][]
  const scripts = entries.filter(([, , , [command]]) => /^(evalsha|fcall)$/i.test(command ?? ''))
  return Math.max(0, ...scripts.map(([, , microseconds]) => microseconds)) / 1_000
}

function report(spent: readonly Spent[], holds: number, invariants: Invariants): PartResult {
  const [early, late] = spent
  return {
    figures: [
      {
        id: 'one-buyer.growth',
        label: `server CPU a reservation of one buyer, with ${holds.toLocaleString('en-US')} holds : with ${CALLERS}`,
        unit: 'ratio',
        value: late!.microseconds / early!.microseconds,
        better: 'lower',
      },
      {
        id: 'one-buyer.call',
        label:
          'server CPU a call while one buyer reserves, pays, and lets thousands of holds expire: the costliest step',
        unit: 'ms',
        value: Math.max(...spent.map(({ msACall }) => msACall)),
        better: 'lower',
      },
    ],
    tables: [
      {
        title: `One buyer with ${holds.toLocaleString('en-US')} holds, ${CALLERS} requests at a time`,
        columns: ['step', 'items', 'server µs each', 'server ms a call', 'longest script, by the clock, ms'],
        rows: spent.map(({ what, count, microseconds, msACall, longestMs }) => [
          what,
          count,
          rounded(microseconds, 1),
          rounded(msACall, 2),
          rounded(longestMs, 2),
        ]),
      },
    ],
    charts: [],
    invariants: invariants.list(),
  }
}
