/**
 * One product over many partitions: does a reservation still cost the same, and does the last unit find its buyer?
 *
 * Sales of n partitions are sold to the last unit by two processes, on one master and on a cluster of three, where each round has one of
 * every n: ratios are taken within a round. Twice each: with as many buyers under way as fill the batches of 64 partitions, the last 1 %
 * all at once; and with as many as the other parts have, where batches are as they come, the last 1 % to a few who ask one after another.
 */

import { Invariants } from '../scripts/lib/load/invariants.js'
import { CALLERS } from '../scripts/lib/load/sale.js'
import { tuning } from '../src/batching/batcher.js'

import type { Context, Part, PartResult } from './part.js'
import { WORKERS } from './partitions/crew.js'
import { type Results, report } from './partitions/report.js'
import { type Manner, type Round, sellOut } from './partitions/round.js'
import { Masters } from './partitions/stage.js'

export interface Sizes {
  readonly partitions: readonly number[]
  readonly rounds: number
  readonly full: Manner
  readonly usual: Manner
}

/** Of each process, to each partition: two full batches on their way, and one that is being filled. */
const FILLS = 3 * tuning.maxBatch * WORKERS
/** Of all processes. */
const FEW = 32

export const part: Part = {
  name: 'partitions',
  question: 'What does a reservation cost over many partitions and masters, and how is the last 1 % sold?',
  run: (context) => measure(context, context.quick ? quick : long),
}

const long: Sizes = {
  partitions: [1, 2, 4, 16, 64],
  rounds: 3,
  full: { units: 200_000, callers: 64 * FILLS, lastCallers: 2_000 },
  usual: { units: 60_000, callers: CALLERS, lastCallers: FEW },
}

const quick: Sizes = {
  partitions: [1, 4, 64],
  rounds: 1,
  full: { units: 60_000, callers: 60_000, lastCallers: 600 },
  usual: { units: 40_000, callers: CALLERS, lastCallers: FEW },
}

export async function measure(context: Context, sizes: Sizes): Promise<PartResult> {
  const invariants = new Invariants()
  const results: Results = []
  for (const open of [Masters.one, Masters.three]) {
    const masters = await open(context)
    try {
      results.push({ masters: masters.count, ...(await rounds(context, masters, sizes, invariants)) })
    } finally {
      await masters.stop()
    }
  }
  return report(results, sizes, invariants)
}

async function rounds(context: Context, masters: Masters, sizes: Sizes, invariants: Invariants) {
  const { partitions, rounds: count, full, usual } = sizes
  const done: { full: Round[]; usual: Round[] } = { full: [], usual: [] }
  const label = masters.count === 1 ? 'one master' : `${masters.count} masters`
  // Warms up: the scripts are loaded, the processes compiled.
  await sellOut(masters, Math.max(...partitions), usual, invariants)
  for (let round = 0; round < count; round++) {
    for (const [i, n] of (round % 2 === 0 ? partitions : partitions.toReversed()).entries()) {
      context.progress.update(label, round * partitions.length + i, count * partitions.length, 'sales')
      done.full.push(await sellOut(masters, n, full, invariants))
      done.usual.push(await sellOut(masters, n, usual, invariants))
    }
  }
  return done
}
