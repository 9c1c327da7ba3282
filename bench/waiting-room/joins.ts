import { joined } from '../../scripts/lib/joined.js'
import { closedLoop } from '../../scripts/lib/load/drive.js'
import { allAccepted, type Invariants } from '../../scripts/lib/load/invariants.js'
import { buyerName, CALLERS } from '../../scripts/lib/load/sale.js'
import type { Progress } from '../../scripts/lib/terminal/progress-line.js'
import type { Engine } from '../../src/index.js'
import { reserveRound } from '../load/reserve-round.js'
import { openRoom } from './filled-room.js'

/** Of each a second, round by round. */
export interface JoinRates {
  readonly joins: number[]
  readonly reservations: number[]
}

/**
 * The same callers join rooms and reserve in sales, in rounds that alternate. Each round has a new
 * room and a new sale, and the first round warms up. A join includes everything, the signing of the
 * ticket too.
 */
export async function joinAndReserve(
  engine: Engine,
  { rounds, seconds }: { readonly rounds: number; readonly seconds: number },
  invariants: Invariants,
  progress: Progress,
): Promise<JoinRates> {
  const rates: JoinRates = { joins: [], reservations: [] }
  for (let round = 0; round <= rounds; round++) {
    progress.update('joins and reservations', round, rounds + 1, 'rounds')
    const turns = [
      async () => rates.joins.push(await join(engine, `joins-${round}`, seconds, invariants)),
      async () =>
        rates.reservations.push(
          await reserveRound(engine, `sale-${round}`, { seconds }, invariants, round === rounds),
        ),
    ]
    if (round % 2 === 1) turns.reverse()
    for (const turn of turns) await turn()
  }
  rates.joins.shift()
  rates.reservations.shift()
  return rates
}

async function join(engine: Engine, id: string, seconds: number, invariants: Invariants): Promise<number> {
  const room = openRoom(engine, id, { rate: 500, burst: 500 })
  // The room opens long after the round, so a position is the rank itself.
  await room.create({ opensAt: Date.now() + 3_600_000 })
  const sum = { positions: 0, highest: 0 }
  const tally = await closedLoop({
    callers: CALLERS,
    limit: { seconds },
    work: async (n) => {
      const { position } = await joined(room.join(buyerName(n)))
      sum.positions += position
      if (position > sum.highest) sum.highest = position
      return 'accepted'
    },
  })
  allAccepted(tally, invariants)
  const { waiting } = await room.stats()
  invariants.check(
    'every join has a place of its own, and none is left out',
    waiting === tally.accepted && sum.highest === waiting && sum.positions === (waiting * (waiting + 1)) / 2,
    `${waiting} wait, ${tally.accepted} joined, the last at ${sum.highest}`,
  )
  await room.close()
  return tally.accepted / tally.seconds
}
