import type { CallOptions } from '../batching/batcher-set.js'
import type { FinalAnswer, SaleState, SkuCounts } from '../engine/engine.js'
import { readAll } from './fan-out.js'
import type { Parts } from './partitions.js'

type Counts = { -readonly [K in keyof SkuCounts]: SkuCounts[K] }

const tuning = {
  /** Partitions read one after another can show units twice: so often all are read again. */
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
  const sums: Counts[] = partitions[0]!.map((counts) => ({ ...counts }))
  for (const skus of partitions.slice(1)) {
    for (const [place, counts] of skus.entries()) {
      const sum = sums[place]!
      sum.total += counts.total
      sum.available += counts.available
      sum.held += counts.held
      sum.confirmed += counts.confirmed
      sum.inTransit += counts.inTransit
    }
  }
  return sums
}

function isSound({ inTransit }: SkuCounts): boolean {
  return inTransit >= 0
}

/**
 * Where a partition was read before it sent units and another after it had received them, they were
 * counted twice, and `inTransit` is negative by as many. `total` is right all the same, since no
 * transfer changes it. So those units are counted once: they were available where they were sent
 * from, unless they were still held when that was read, and sold where they arrived.
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
  return { total: counts.total, available, held, confirmed: once(counts.confirmed), inTransit: 0 }
}
