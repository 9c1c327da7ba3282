/**
 * One product over many partitions: does a reservation still cost the same, and does the last unit
 * find its buyer?
 *
 * Two processes sell out sales of n partitions, on one master and on a cluster of three. Each round
 * has one sale of every n, and ratios are taken within a round. Each sale is sold twice: to as many
 * buyers at a time as fill the batches of 64 partitions, the last 1 % all at once; and to as many
 * buyers as in the other parts, where the batches are smaller, the last 1 % to a few buyers who ask
 * one after another.
 */

import { Invariants } from '../scripts/lib/load/invariants.js'
import { CALLERS } from '../scripts/lib/load/sale.js'
import { tuning } from '../src/batching/batcher.js'

import type { Context, Part, PartResult } from './part.js'
import { Masters } from './partitions/masters.js'
import { type Results, report } from './partitions/report.js'
import { type Round, type Sizes, sellOut } from './partitions/round.js'
import { WORKERS } from './partitions/seller-processes.js'

/** Of each process, to each partition: two full batches under way, and one that is being filled. */
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
  partitions: [1, 64],
  rounds: 1,
  full: { units: 40_000, callers: 40_000, lastCallers: 400 },
  usual: { units: 15_000, callers: CALLERS, lastCallers: FEW },
}

async function measure(context: Context, sizes: Sizes): Promise<PartResult> {
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
  // Warms up: Redis loads the scripts, and the processes compile their code.
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
