import { setTimeout as delay } from 'node:timers/promises'
import type { Invariants } from '../../scripts/lib/load/invariants.js'
import type { ServerMeter } from '../../scripts/lib/load/server-meter.js'
import { random } from '../../scripts/lib/random.js'
import { redisEngine } from '../../src/index.js'
import { openWorker } from '../load/worker.js'
import type { Context } from '../part.js'
import { type Crowd, hasLeft, openRoom, ROOM } from './crowd.js'
import { anybody, asTheyArrive, everybody, Heard, Pollers, type PollRound } from './polls.js'
import { agesOf } from './truth.js'
import type { Sighting, WitnessInput } from './witness.js'

/** What a poll may be behind, in ms: the library's own promise. */
const STALE_MS = 250
/** The witness looks some ten times a second, and a process that others share the machine with may come late. */
const TOLERANCE_MS = 150
/** Each process may ask so often while it is busy. */
const CALLS = 20

/**
 * `known`: this process has given the tickets out, and gets them back as the strings it keeps. `fresh`: the same tickets as
 * requests bring them. `unseen`: to a process that has given out none of them, so each signature is verified.
 */
export type Kind = 'known' | 'fresh' | 'unseen'

export interface PollResults extends Readonly<Record<Kind, readonly PollRound[]>> {
  /** Of one process, over all rounds. */
  readonly turnsPerSecond: number
  /** The oldest answer, in ms. */
  readonly oldest: number
  /** States of the line that answers were told from. */
  readonly states: number
  readonly admitted: number
  /** p50, p99 and the longest of those who were at the door, in ms. */
  readonly door: readonly number[]
}

interface Setting {
  readonly url: string
  readonly prefix: string
  readonly pace: { readonly rate: number; readonly burst: number }
  readonly meter: ServerMeter
  readonly invariants: Invariants
}

/** The door is open and moves on; this process answers the polls of the crowd, another one watches how the line really stands. */
export async function pollCrowd(context: Context, crowd: Crowd, setting: Setting): Promise<PollResults> {
  const { url, prefix, pace, meter, invariants } = setting
  const sightings: Sighting[] = []
  const witness = openWorker<void, Sighting>('crowd/witness.ts', (sighting) => sightings.push(sighting))
  const engine = redisEngine(url, { prefix })
  // A process that has come later: it has given out none of the tickets.
  const stranger = openRoom(engine, ROOM, pace)
  try {
    await witness.ready
    let n = crowd.size - 1
    while (hasLeft(n)) n--
    witness.start({ url, prefix, pace, n, ticket: crowd.tickets[n]! } satisfies WitnessInput)
    const failed = witness.result.then(() => Promise.reject(new Error('the witness has left')))
    while (sightings.length === 0) await Promise.race([delay(20), failed])

    const heard = new Heard(crowd.size)
    const kept = (n: number) => crowd.tickets[n]!
    const arriving = asTheyArrive(crowd.tickets)
    const some = anybody(crowd.size, random(context.seed))
    const known = new Pollers(crowd, crowd.room, heard, some, kept)
    const fresh = new Pollers(crowd, crowd.room, heard, some, arriving)
    const unseen = new Pollers(crowd, stranger, heard, everybody(crowd.size), arriving)
    const all = { known, fresh, unseen }
    const rounds = await Promise.race([inRounds(context, crowd.opensAt, all, meter), failed])
    await Promise.all(Object.values(all).map((pollers) => pollers.drain()))
    await delay(300) // for the witness to have seen the end as well
    const { admitted } = await crowd.room.stats()
    const oldest = check(Object.values(all), heard, { sightings, admitted, ...rounds }, invariants)
    const door = [0.5, 0.99, 1].map((share) => heard.waits.at(share))
    return { ...rounds, oldest, states: known.told.all.length, admitted, door }
  } finally {
    witness.stop()
    await stranger.close()
    await engine.close()
  }
}

async function inRounds(
  { quick, progress }: Context,
  opensAt: number,
  { known, fresh, unseen }: Record<Kind, Pollers>,
  meter: ServerMeter,
): Promise<Record<Kind, PollRound[]> & { turnsPerSecond: number }> {
  const rounds = quick ? 3 : 7
  const seconds = quick ? 0.5 : 1.5
  const results: Record<Kind, PollRound[]> = { known: [], fresh: [], unseen: [] }
  let [calls, time] = [0, 0]
  // Who stands in front asks before the door opens too, and all is warm by then.
  while (Date.now() < opensAt) {
    await known.run(seconds)
    await fresh.run(seconds / 2)
  }
  await unseen.run(seconds / 10)
  await known.run(seconds)
  await unseen.run(seconds / 3)
  for (let round = 0; round < rounds; round++) {
    progress.update('polls', round, rounds, 'rounds')
    const before = await meter.read()
    const last = await known.run(seconds)
    calls += (await meter.read()).calls - before.calls
    time += last.seconds
    results.known.push(last)
    results.fresh.push(await fresh.run(seconds / 2))
    // Its keeper has been quiet meanwhile, and asks for everybody at first.
    await unseen.run(seconds / 10)
    results.unseen.push(await unseen.run(seconds / 3))
  }
  // Three handles tend the room: the one that is asked, the stranger, and that of the witness.
  return { ...results, turnsPerSecond: calls / time / 3 }
}

/** Answers how old the oldest answer was. */
function check(
  all: readonly Pollers[],
  { admitted, wrong }: Heard,
  seen: {
    readonly sightings: readonly Sighting[]
    readonly admitted: number
    readonly turnsPerSecond: number
  },
  invariants: Invariants,
): number {
  let oldest = 0
  invariants.check('no poll failed, and no answer was impossible', wrong.length === 0, wrong.join('; '))
  for (const { told } of all) {
    const ages = agesOf(told.all, seen.sightings)
    const untrue = ages.filter((age) => age === undefined).length
    invariants.check(
      'every position told was that of the line as another process saw it',
      untrue === 0 && ages.length > 0,
      `${untrue} of ${ages.length} states of the line were true at no time`,
    )
    oldest = Math.max(oldest, ...ages.filter((age) => age !== undefined))
  }
  invariants.check(
    `no position told was older than ${STALE_MS} ms, and ${TOLERANCE_MS} between two looks of the witness`,
    oldest <= STALE_MS + TOLERANCE_MS,
    `${Math.round(oldest)} ms`,
  )
  invariants.check(
    `a process asks Redis at most ${CALLS} times a second, however many poll`,
    seen.turnsPerSecond <= CALLS,
    `${seen.turnsPerSecond.toFixed(1)} calls a second`,
  )
  invariants.check(
    'as many passes were given as visitors heard of',
    admitted.size === seen.admitted,
    `${seen.admitted} given, ${admitted.size} heard of`,
  )
  return oldest
}
