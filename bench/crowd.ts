/**
 * The waiting room: how much of a crowd does it hold, how fast can they join and ask, and does the door keep its rate?
 *
 * Four questions, one after the other: a room grows to a million buyers; joins and reservations alternate; one process
 * answers polls from all over that million while the door is open and the line moves; and two processes stand before a door
 * whose visitors did not all stay.
 */

import { Invariants } from '../scripts/lib/load/invariants.js'
import { ServerMeter } from '../scripts/lib/load/server-meter.js'
import { redisEngine } from '../src/index.js'
import { Crowd } from './crowd/crowd.js'
import { openDoor } from './crowd/door.js'
import { joinAndReserve } from './crowd/joins.js'
import { pollCrowd } from './crowd/polling.js'
import { report } from './crowd/report.js'
import { median } from './load/figures.js'
import type { Context, Part, PartResult } from './part.js'

/** What the checkout behind the door can take, by the second. */
const PACE = { rate: 500, burst: 500 }
/** The smaller the bucket, the less a second can borrow from the one before. */
const DOORS = [
  { rate: 500, burst: 50 },
  { rate: 2_000, burst: 100 },
]

export const part: Part = {
  name: 'crowd',
  question: 'How large a crowd can wait, how fast can it join and ask, and does the door keep its rate?',
  run: measure,
}

async function measure(context: Context): Promise<PartResult> {
  const { url } = await context.redis()
  const prefix = context.prefix()
  const engine = redisEngine(url, { prefix })
  const meter = new ServerMeter(url)
  const invariants = new Invariants()
  try {
    await meter.settled()
    const rounds = { rounds: context.quick ? 3 : 7, seconds: context.quick ? 0.3 : 0.8 }
    const rates = await joinAndReserve(engine, rounds, invariants, context.progress)
    const waiting = context.quick ? 100_000 : 1_000_000
    const crowd = await Crowd.fill(engine, waiting, PACE, median(rates.joins), {
      meter,
      invariants,
      progress: context.progress,
    })
    await crowd.checkAgain(invariants)
    const polls = await pollCrowd(context, crowd, { url, prefix, pace: PACE, meter, invariants })
    await crowd.room.close()
    const doors = []
    for (const pace of DOORS)
      doors.push(await openDoor(context, url, pace, crowd.joinsPerSecond, meter, invariants))
    return report({ growth: crowd.growth, rates, polls, doors }, invariants)
  } finally {
    meter.close()
    await engine.close()
  }
}
