/**
 * The waiting room: how many visitors can wait, how fast can they join and poll, and does it admit
 * them at its rate?
 *
 * Four measurements, one after the other. A room grows to a million visitors. Joins and
 * reservations alternate. One process answers polls of all of that million while the room is open
 * and the queue moves. And two processes admit visitors of whom some never come back.
 */

import { Invariants } from '../scripts/lib/load/invariants.js'
import { ServerMeter } from '../scripts/lib/load/server-meter.js'
import { redisEngine } from '../src/index.js'
import { median } from './load/figures.js'
import type { Context, Part, PartResult } from './part.js'
import { measureAdmission } from './waiting-room/admission.js'
import { FilledRoom } from './waiting-room/filled-room.js'
import { joinAndReserve } from './waiting-room/joins.js'
import { pollFilledRoom } from './waiting-room/poll-rounds.js'
import { report } from './waiting-room/report.js'

/** Admissions that the checkout behind the room can take, per second. */
const PACE = { rate: 500, burst: 500 }
/** The smaller the token bucket, the less a second can borrow from the one before. */
const PACES = [
  { rate: 500, burst: 50 },
  { rate: 2_000, burst: 100 },
]

export const part: Part = {
  name: 'waiting-room',
  question: 'How many visitors can wait, how fast can they join and poll, and are they admitted at the rate?',
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
    const waiting = context.quick ? 60_000 : 1_000_000
    const filled = await FilledRoom.fill(engine, waiting, PACE, median(rates.joins), {
      meter,
      invariants,
      progress: context.progress,
    })
    await filled.checkAgain(invariants)
    const polls = await pollFilledRoom(context, filled, { url, prefix, pace: PACE, meter, invariants })
    await filled.room.close()
    const runs = []
    for (const pace of context.quick ? PACES.slice(0, 1) : PACES)
      runs.push(await measureAdmission(context, url, pace, filled.joinsPerSecond, meter, invariants))
    return report({ growth: filled.growth, rates, polls, admissions: runs }, invariants)
  } finally {
    meter.close()
    await engine.close()
  }
}
