import type { CallOptions } from '../batching/batcher-set.js'
import type { FinalAnswer, SaleState, SkuCounts } from '../engine/engine.js'
import { readAll } from './fan-out.js'
import type { Parts } from './partitions.js'

type Counts = { -readonly [K in keyof SkuCounts]: SkuCounts[K] }

const tuning = {
  /**
   * How often all partitions are read at most: readings at different moments can count units twice.
   */
  readings: 4,
}
const STATES: readonly SaleState[] = ['open', 'not_started', 'paused', 'ended']

export interface Totals {
  readonly state: SaleState
  readonly skus: SkuCounts[]
}

/** The state and the counts of a whole sale. */
export async function readTotals(parts: Parts, call: CallOptions): Promise<Totals> {
  for (let reading = 1; ; reading++) {
    const answers = await readAll(parts.count, (index) =>
      parts.ask(index, 'stats', {}, call, (answer) => answer),
    )
    const totals = totalsOf(answers)
    if (reading === tuning.readings || totals.skus.every(isSound))
      return { ...totals, skus: totals.skus.map(sound) }
  }
}

function totalsOf(answers: readonly FinalAnswer<'stats'>[]): Totals {
  return {
    state: mostRestrictive(answers.map(({ status }) => status)),
    skus: sumCounts(answers.map(({ skus }) => skus)),
  }
}

export function mostRestrictive(states: readonly SaleState[]): SaleState {
  return STATES[Math.max(...states.map((state) => STATES.indexOf(state)))]!
}

export function sumCounts(partitions: readonly (readonly SkuCounts[])[]): SkuCounts[] {
  const sums: Counts[] = []
  for (const skus of partitions) {
    for (const [skuIndex, counts] of skus.entries()) {
      // A partition may not have been told of a new SKU yet.
      sums[skuIndex] ??= { total: 0, available: 0, held: 0, confirmed: 0, inTransit: 0 }
      const sum = sums[skuIndex]
      sum.total += counts.total
      sum.available += counts.available
      sum.held += counts.held
      sum.confirmed += counts.confirmed
      sum.inTransit += counts.inTransit
      if (counts.owed !== undefined) sum.owed = counts.owed
    }
  }
  return sums
}

function isSound({ inTransit }: SkuCounts): boolean {
  return inTransit >= 0
}

/**
 * Corrects counts that contain units twice: the source was read before it sent them, the target
 * after it received them, so `inTransit` is negative by their number. `total` is still right, since
 * no transfer changes it. The units are subtracted from `available` first, then from `held` (they
 * may have been on hold at the source when it was read), then from `confirmed` (the target may have
 * sold them).
 */
export function sound(counts: SkuCounts): SkuCounts {
  if (isSound(counts)) return counts
  let twice = -counts.inTransit
  const once = (units: number): number => {
    const cut = Math.min(units, twice)
    twice -= cut
    return units - cut
  }
  const available = once(counts.available)
  const held = once(counts.held)
  return { ...counts, available, held, confirmed: once(counts.confirmed), inTransit: 0 }
}
