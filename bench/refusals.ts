import { closedLoop, type Work } from '../scripts/lib/load/drive.js'
import { Invariants } from '../scripts/lib/load/invariants.js'
import { BenchSale, buyerName, CALLERS, SKU } from '../scripts/lib/load/sale.js'
import { openEngine } from './load/engine.js'
import { figureOf, median, rounded } from './load/figures.js'
import { reserveRound } from './load/reserve-round.js'
import type { Context, Part, PartResult } from './part.js'

/** Sold before the refusals begin. */
const UNITS = 1_000
const KINDS = ['accepted', 'noKey', 'key'] as const
type Rates = Record<(typeof KINDS)[number], number[]>

export const part: Part = {
  name: 'refusals',
  question: 'How fast are buyers refused after the sale is sold out, compared with buyers who are served?',
  run: measure,
}

/**
 * Rounds of all three kinds alternate, in another order each time; ratios are taken within a round.
 */
async function measure(context: Context): Promise<PartResult> {
  const rounds = context.quick ? 3 : 7
  const seconds = context.quick ? 0.3 : 0.8
  const engine = await openEngine(context)
  const invariants = new Invariants()
  const rates: Rates = { accepted: [], noKey: [], key: [] }
  try {
    const soldOut = await BenchSale.open(engine, 'sold-out', { stock: { [SKU]: UNITS } })
    await closedLoop({ callers: UNITS, limit: { count: UNITS }, work: soldOut.reserve })
    for (let round = 0; round <= rounds; round++) {
      context.progress.update('refused and accepted', round, rounds + 1, 'rounds')
      const last = round === rounds
      const runs: Record<(typeof KINDS)[number], () => Promise<number>> = {
        accepted: () => reserveRound(engine, `accepted-${round}`, { seconds }, invariants, last),
        noKey: () => refused(withoutKey(soldOut), seconds, invariants),
        key: () => refused(soldOut.reserve, seconds, invariants),
      }
      for (let i = 0; i < KINDS.length; i++) {
        const kind = KINDS[(round + i) % KINDS.length]!
        const rate = await runs[kind]()
        if (round > 0) rates[kind].push(rate) // the first round warms up
      }
    }
    await soldOut.finish(invariants)
  } finally {
    await engine.close()
  }
  return report(rates, invariants)
}

/** The buyers after the first {@link UNITS}, who hold nothing. */
async function refused(work: Work, seconds: number, invariants: Invariants): Promise<number> {
  const tally = await closedLoop({ callers: CALLERS, limit: { seconds }, first: UNITS, work })
  const detail = `${tally.accepted} accepted, ${tally.failed} failed (${tally.error})`
  invariants.check('no buyer is served after the last unit', tally.accepted + tally.failed === 0, detail)
  return tally.refused / tally.seconds
}

/** Requests are made beforehand: an answer from memory takes less time than making a request. */
const KEYLESS = 4_096

function withoutKey({ sale }: BenchSale): Work {
  const items = [{ sku: SKU, quantity: 1 }]
  const requests = Array.from({ length: KEYLESS }, (_, n) => ({ buyer: buyerName(UNITS + n), items }))
  return async (n) =>
    (await sale.reserve(requests[n % KEYLESS]!)).status === 'reserved' ? 'accepted' : 'refused'
}

function report({ accepted, noKey, key }: Rates, invariants: Invariants): PartResult {
  const ratios = (rates: readonly number[]) => rates.map((rate, round) => rate / accepted[round]!)
  const [ratioNoKey, ratioKey] = [ratios(noKey), ratios(key)]
  const row = (name: string | number, values: readonly [number, number, number, number, number]) => [
    name,
    ...values.slice(0, 3).map(Math.round),
    ...values.slice(3).map((value) => rounded(value, 2)),
  ]
  return {
    figures: [
      figureOf(ratioNoKey, {
        id: 'refusals.ratio-no-key',
        label: 'refusals/s after sold out : accepted/s, requests without a key (answered in the process)',
        unit: 'ratio',
        better: 'higher',
      }),
      figureOf(ratioKey, {
        id: 'refusals.ratio-key',
        label: 'refusals/s after sold out : accepted/s, requests with a key (answered by Redis)',
        unit: 'ratio',
        better: 'higher',
      }),
    ],
    tables: [
      {
        title: 'Answers a second, round by round',
        columns: [
          'round',
          'accepted',
          'refused, no key',
          'refused, key',
          'no key : accepted',
          'key : accepted',
        ],
        rows: [
          ...accepted.map((rate, i) => row(i + 1, [rate, noKey[i]!, key[i]!, ratioNoKey[i]!, ratioKey[i]!])),
          row('median', [median(accepted), median(noKey), median(key), median(ratioNoKey), median(ratioKey)]),
        ],
      },
    ],
    charts: [],
    invariants: invariants.list(),
  }
}
