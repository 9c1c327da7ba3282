/**
 * Does a consumer keep up with the sale, and what does a ledger cost?
 *
 * Two processes reserve as fast as they can while a third one consumes. A process writes a sale
 * into PostgreSQL, from a backlog and live. A process answers only when the ledger has the
 * reservation. And a sale is rebuilt from the ledger. Each has its baseline beside it: ratios are
 * taken within a round.
 */

import { Invariants } from '../scripts/lib/load/invariants.js'
import { type AcknowledgingRound, acknowledgingRound } from './consumer/acknowledging.js'
import { type ConsumingRound, consumingRound } from './consumer/consuming.js'
import { type Rebuilding, rebuilding } from './consumer/rebuilding.js'
import { report } from './consumer/report.js'
import { TestBed } from './consumer/test-bed.js'
import { type WritingRound, type WritingSizes, writingRound } from './consumer/writing.js'
import type { Context, Part, PartResult } from './part.js'

export interface Sizes {
  readonly rounds: number
  readonly consumingSeconds: number
  readonly writing: WritingSizes
  readonly acknowledgingSeconds: number
  /** Reservations of the sale that is lost. */
  readonly rebuilt: number
}

export const part: Part = {
  name: 'consumer',
  question: 'Does a consumer keep up, what does a ledger take, and how fast is a sale rebuilt from it?',
  run: (context) => measure(context, context.quick ? quick : long),
}

const long: Sizes = {
  rounds: 3,
  consumingSeconds: 4,
  writing: { backlog: 200_000, liveSeconds: 5, perSecond: 25_000 },
  acknowledgingSeconds: 4,
  rebuilt: 100_000,
}

const quick: Sizes = {
  rounds: 1,
  consumingSeconds: 1.2,
  writing: { backlog: 25_000, liveSeconds: 1.2, perSecond: 25_000 },
  acknowledgingSeconds: 0.8,
  rebuilt: 10_000,
}

export async function measure(context: Context, sizes: Sizes): Promise<PartResult> {
  const invariants = new Invariants()
  const testBed = await TestBed.open(context, invariants)
  const { database } = testBed
  const consuming: ConsumingRound[] = []
  const writing: WritingRound[] = []
  const acknowledging: AcknowledgingRound[] = []
  let rebuilt: Rebuilding | undefined
  try {
    const { rounds, consumingSeconds, acknowledgingSeconds } = sizes
    // Warms up: Redis loads the scripts, and the processes compile their code.
    await consumingRound(testBed, consumingSeconds / 4, false)
    for (let round = 0; round < rounds; round++) {
      const step = (label: string, at: number) =>
        context.progress.update(label, round * 3 + at, rounds * 3, 'rounds')
      step('a consumer beside the buyers', 0)
      consuming.push(await consumingRound(testBed, consumingSeconds, round === rounds - 1))
      if (!database) continue
      step('a ledger that follows', 1)
      writing.push(await writingRound(testBed, database, sizes.writing))
      step('answers that wait for the ledger', 2)
      acknowledging.push(await acknowledgingRound(testBed, database, acknowledgingSeconds))
    }
    if (database) {
      context.progress.update('a sale that was lost', rounds * 3, rounds * 3, 'rounds')
      rebuilt = await rebuilding(testBed, database, sizes.rebuilt)
    }
  } finally {
    await testBed.close()
  }
  return report({ consuming, writing, acknowledging, rebuilt }, invariants)
}
