import type { Limit } from '../../scripts/lib/load/drive.js'
import { Histogram } from '../../scripts/lib/load/histogram.js'
import type { Invariants } from '../../scripts/lib/load/invariants.js'
import { Recorder } from '../../scripts/lib/load/recorder.js'
import type { BenchSale } from '../../scripts/lib/load/sale.js'
import type { TaskProcess } from '../load/task-process.js'
import type { Reserved, ReserveTask } from './reserve-worker.js'
import { between, type Sample } from './samples.js'

/** What the reserving processes did together. */
export interface JointResult {
  readonly ids: readonly string[]
  readonly samples: readonly (readonly Sample[])[]
  /** From when and until when all of them reserved, in epoch ms. */
  readonly from: number
  readonly to: number
  readonly perSecond: number
  readonly latency: Histogram
}

/** Between the numbers of the buyers of two processes, which have no buyer in common. */
const APART = 100_000_000

/** Has several processes reserve in a sale at once. There is stock for every buyer. */
export async function reserveTogether(
  reservers: readonly TaskProcess<ReserveTask, Reserved>[],
  sale: BenchSale,
  {
    limit,
    load,
    ledger,
  }: {
    readonly limit: Limit
    readonly load: { readonly callers: number } | { readonly perSecond: number }
    readonly ledger?: string
  },
  invariants: Invariants,
): Promise<JointResult> {
  const share = <T extends object>(all: T) =>
    Object.fromEntries(Object.entries(all).map(([name, value]) => [name, value / reservers.length])) as T
  const all = await Promise.all(
    reservers.map((reserver, i) =>
      reserver.run({
        type: 'reserve',
        sale: sale.sale.id,
        first: i * APART,
        limit: 'count' in limit ? share(limit) : limit,
        load: share(load),
        ...(ledger !== undefined && { ledger }),
      }),
    ),
  )
  for (const { refused, failed, error } of all) {
    invariants.check(
      'no request failed, none was refused while there was stock',
      refused + failed === 0,
      `${refused} refused, ${failed} failed (${error})`,
    )
  }
  const ids = all.flatMap(({ ids }) => ids)
  sale.held += ids.length
  const samples = all.map(({ samples }) => samples)
  const from = Math.max(...samples.map((each) => each[0]!.at))
  const to = Math.min(...samples.map((each) => each.at(-1)!.at))
  const latency = all.reduce(
    (sum, { recorder: { intervalMs, intervals } }) =>
      sum.merge(new Recorder(intervalMs).merge({ intervalMs, intervals }).latency()),
    new Histogram(),
  )
  const { done } = between(samples, from, to)
  return { ids, samples, from, to, perSecond: (done * 1_000) / (to - from), latency }
}
