/**
 * From promise to parcel: does whoever follows the events keep up, and what does a ledger cost?
 *
 * Two processes reserve as fast as they can while a third consumes; a process writes a sale into PostgreSQL, from a backlog and
 * live; a process answers only when the ledger has it; and a sale is made anew from the ledger. Each with its baseline beside it: ratios
 * are taken within a round.
 */

import { Invariants } from '../scripts/lib/load/invariants.js'
import { type AcknowledgingRound, acknowledgingRound } from './handoff/acknowledging.js'
import { type ConsumingRound, consumingRound } from './handoff/consuming.js'
import { type Rebuilding, rebuilding } from './handoff/rebuilding.js'
import { report } from './handoff/report.js'
import { Site } from './handoff/site.js'
import { type WritingRound, type WritingSizes, writingRound } from './handoff/writing.js'
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
  name: 'handoff',
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
  consumingSeconds: 1.5,
  writing: { backlog: 40_000, liveSeconds: 1.5, perSecond: 25_000 },
  acknowledgingSeconds: 1.5,
  rebuilt: 20_000,
}

export async function measure(context: Context, sizes: Sizes): Promise<PartResult> {
  const invariants = new Invariants()
  const site = await Site.open(context, invariants)
  const { database } = site
  const consuming: ConsumingRound[] = []
  const writing: WritingRound[] = []
  const acknowledging: AcknowledgingRound[] = []
  let rebuilt: Rebuilding | undefined
  try {
    const { rounds, consumingSeconds, acknowledgingSeconds } = sizes
    // Warms up: the scripts are loaded, the processes compiled.
    await consumingRound(site, consumingSeconds / 4, false)
    for (let round = 0; round < rounds; round++) {
      const step = (label: string, at: number) =>
        context.progress.update(label, round * 3 + at, rounds * 3, 'rounds')
      step('a consumer beside the crowd', 0)
      consuming.push(await consumingRound(site, consumingSeconds, round === rounds - 1))
      if (!database) continue
      step('a ledger that follows', 1)
      writing.push(await writingRound(site, database, sizes.writing))
      step('answers that wait for the ledger', 2)
      acknowledging.push(await acknowledgingRound(site, database, acknowledgingSeconds))
    }
    if (database) {
      context.progress.update('a sale that was lost', rounds * 3, rounds * 3, 'rounds')
      rebuilt = await rebuilding(site, database, sizes.rebuilt)
    }
  } finally {
    await site.close()
  }
  return report({ consuming, writing, acknowledging, rebuilt }, invariants)
}
