import { closedLoop } from '../scripts/lib/load/drive.js'
import { allAccepted, Invariants } from '../scripts/lib/load/invariants.js'
import { BenchSale, CALLERS, requestOf } from '../scripts/lib/load/sale.js'
import { random } from '../scripts/lib/random.js'
import type { Engine } from '../src/index.js'
import { openEngine } from './load/engine.js'
import { figureOf, median, rounded } from './load/figures.js'
import { reserveRound } from './load/reserve-round.js'
import type { Context, Part, PartResult } from './part.js'

export interface Sizes {
  readonly rounds: number
  readonly seconds: number
  readonly callers: number
}

const DROP_OUTS = 0.2

export const part: Part = {
  name: 'reserve-confirm',
  question:
    'What does an order cost from the reservation to the payment, compared with the reservation alone?',
  run: (context) =>
    measure(context, { rounds: context.quick ? 3 : 7, seconds: context.quick ? 0.4 : 1, callers: CALLERS }),
}

/** Rounds of both alternate, and so does their order; ratios are taken between neighbours. */
export async function measure(context: Context, sizes: Sizes): Promise<PartResult> {
  const engine = await openEngine(context)
  const invariants = new Invariants()
  const alone: number[] = []
  const both: number[] = []
  try {
    for (let round = 0; round <= sizes.rounds; round++) {
      context.progress.update('reserve and confirm, reserve alone', round, sizes.rounds + 1, 'rounds')
      const audit = round === sizes.rounds
      const runs = [
        async () => alone.push(await reserveRound(engine, `alone-${round}`, sizes, invariants, audit)),
        async () =>
          both.push(await reserveAndConfirm(engine, `both-${round}`, sizes, context.seed, invariants, audit)),
      ]
      for (const run of round % 2 === 0 ? runs : runs.reverse()) await run()
    }
  } finally {
    await engine.close()
  }
  return report(alone.slice(1), both.slice(1), invariants)
}

/** Operations per second. */
async function reserveAndConfirm(
  engine: Engine,
  id: string,
  { seconds, callers }: Sizes,
  seed: number,
  invariants: Invariants,
  audit: boolean,
): Promise<number> {
  const sale = await BenchSale.open(engine, id)
  const dice = random(seed)
  const tally = await closedLoop({
    callers,
    limit: { seconds },
    work: async (n) => {
      const reservation = await sale.hold(requestOf(n))
      if (reservation === undefined) return 'refused'
      if (dice() < DROP_OUTS) return 'accepted'
      return (await sale.confirm(reservation)) ? 'accepted' : 'refused'
    },
  })
  allAccepted(tally, invariants)
  await sale.finish(invariants, { audit })
  return (tally.accepted + sale.confirmed) / tally.seconds
}

function report(alone: readonly number[], both: readonly number[], invariants: Invariants): PartResult {
  const ratios = both.map((value, round) => value / alone[round]!)
  return {
    figures: [
      figureOf(ratios, {
        id: 'reserve-confirm.ratio',
        label: 'reserve and confirm (20 % drop-outs) : reserve alone, in operations/s',
        unit: 'ratio',
        better: 'higher',
      }),
      figureOf(both, {
        id: 'reserve-confirm.operations',
        label: 'reserve and confirm, operations',
        unit: '/s',
        better: 'higher',
      }),
    ],
    tables: [
      {
        title: 'Operations a second, round by round (reserve and confirm count as one each)',
        columns: ['round', 'reserve alone', 'reserve and confirm', 'ratio'],
        rows: [
          ...ratios.map((ratio, round) => [
            round + 1,
            Math.round(alone[round]!),
            Math.round(both[round]!),
            rounded(ratio, 2),
          ]),
          ['median', Math.round(median(alone)), Math.round(median(both)), rounded(median(ratios), 2)],
        ],
      },
    ],
    charts: [],
    invariants: invariants.list(),
  }
}
