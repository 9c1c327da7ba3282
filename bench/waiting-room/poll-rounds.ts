import { setTimeout as delay } from 'node:timers/promises'
import type { Invariants } from '../../scripts/lib/load/invariants.js'
import type { ServerMeter } from '../../scripts/lib/load/server-meter.js'
import { random } from '../../scripts/lib/random.js'
import { redisEngine } from '../../src/index.js'
import { openWorker } from '../load/worker.js'
import type { Context } from '../part.js'
import { type FilledRoom, hasLeft, openRoom } from './filled-room.js'
import {
  anyVisitor,
  asFreshStrings,
  everyVisitor,
  Pollers,
  type PollRound,
  VisitorAnswers,
} from './pollers.js'
import type { Observation, ObserverInput } from './queue-observer.js'
import { agesOf } from './told-positions.js'

/** How old an answer to a poll may be: the promise of the library. ms */
const STALE_MS = 250
/** The observer looks some ten times a second, and a process on a busy machine may be late. ms */
const TOLERANCE_MS = 150
/** Calls to Redis that a process may make in a second. */
const CALLS = 20

/**
 * `known`: this process has issued the tickets, and gets them back as the strings it keeps.
 * `fresh`: the same tickets as requests bring them. `unseen`: a process that has issued none of the
 * tickets verifies each signature.
 */
type Kind = 'known' | 'fresh' | 'unseen'

export interface PollResults extends Readonly<Record<Kind, readonly PollRound[]>> {
  /** Of one process, over all rounds. */
  readonly callsPerSecond: number
  /** The oldest answer, in ms. */
  readonly oldest: number
  /** States of the queue that answers were told from. */
  readonly states: number
  readonly admitted: number
  /** p50, p99 and the longest poll at the head of the queue, in ms. */
  readonly atHead: readonly number[]
}

interface Setting {
  readonly url: string
  readonly prefix: string
  readonly pace: { readonly rate: number; readonly burst: number }
  readonly meter: ServerMeter
  readonly invariants: Invariants
}

/**
 * The room is open and the queue moves. This process answers the polls; another one observes the
 * queue.
 */
export async function pollFilledRoom(
  context: Context,
  filled: FilledRoom,
  setting: Setting,
): Promise<PollResults> {
  const { url, prefix, pace, meter, invariants } = setting
  const observations: Observation[] = []
  const observer = openWorker<void, Observation>('waiting-room/queue-observer.ts', (observation) =>
    observations.push(observation),
  )
  const engine = redisEngine(url, { prefix })
  // As in a process that was started later: it has issued none of the tickets.
  const otherRoom = openRoom(engine, filled.room.id, pace)
  try {
    await observer.ready
    let n = filled.size - 1
    while (hasLeft(n)) n--
    const { id: room } = filled.room
    observer.start({ url, prefix, room, pace, n, ticket: filled.tickets[n]! } satisfies ObserverInput)
    const failed = observer.result.then(() => Promise.reject(new Error('The observer has ended.')))
    while (observations.length === 0) await Promise.race([delay(20), failed])

    const answers = new VisitorAnswers(filled.size)
    const kept = (n: number) => filled.tickets[n]!
    const arriving = asFreshStrings(filled.tickets)
    const some = anyVisitor(filled.size, random(context.seed))
    const known = new Pollers(filled, filled.room, answers, some, kept)
    const fresh = new Pollers(filled, filled.room, answers, some, arriving)
    const unseen = new Pollers(filled, otherRoom, answers, everyVisitor(filled.size), arriving)
    const all = { known, fresh, unseen }
    const rounds = await Promise.race([inRounds(context, filled.opensAt, all, meter), failed])
    await Promise.all(Object.values(all).map((pollers) => pollers.drain()))
    await delay(300) // so that the observer has seen the end as well
    const { admitted } = await filled.room.stats()
    const oldest = check(Object.values(all), answers, { observations, admitted, ...rounds }, invariants)
    const atHead = [0.5, 0.99, 1].map((share) => answers.waits.at(share))
    return { ...rounds, oldest, states: known.told.all.length, admitted, atHead }
  } finally {
    observer.stop()
    await otherRoom.close()
    await engine.close()
  }
}

async function inRounds(
  { quick, progress }: Context,
  opensAt: number,
  { known, fresh, unseen }: Record<Kind, Pollers>,
  meter: ServerMeter,
): Promise<Record<Kind, PollRound[]> & { callsPerSecond: number }> {
  const rounds = quick ? 2 : 7
  const seconds = quick ? 0.5 : 1.5
  const results: Record<Kind, PollRound[]> = { known: [], fresh: [], unseen: [] }
  let [calls, time] = [0, 0]
  // Visitors poll before the room opens too, and the process is warm by then.
  const began = Date.now()
  while (Date.now() < opensAt) {
    progress.update('polls before the opening', Date.now() - began, opensAt - began, 'ms')
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
    // This handle has been idle meanwhile, and fetches the queue first.
    await unseen.run(seconds / 10)
    results.unseen.push(await unseen.run(seconds / 3))
  }
  // Three handles call Redis: the two that answer polls, and that of the observer.
  return { ...results, callsPerSecond: calls / time / 3 }
}

/** Answers how old the oldest answer was. */
function check(
  all: readonly Pollers[],
  { admitted, wrong }: VisitorAnswers,
  seen: {
    readonly observations: readonly Observation[]
    readonly admitted: number
    readonly callsPerSecond: number
  },
  invariants: Invariants,
): number {
  let oldest = 0
  invariants.check('no poll failed, and no answer was impossible', wrong.length === 0, wrong.join('; '))
  for (const { told } of all) {
    const ages = agesOf(told.all, seen.observations)
    const untrue = ages.filter((age) => age === undefined).length
    invariants.check(
      'every position told was that of the queue as another process saw it',
      untrue === 0 && ages.length > 0,
      `${untrue} of ${ages.length} states of the queue were true at no time`,
    )
    oldest = Math.max(oldest, ...ages.filter((age) => age !== undefined))
  }
  invariants.check(
    `no position told was older than ${STALE_MS} ms, and ${TOLERANCE_MS} ms between two observations`,
    oldest <= STALE_MS + TOLERANCE_MS,
    `${Math.round(oldest)} ms`,
  )
  invariants.check(
    `a process calls Redis at most ${CALLS} times a second, however many visitors poll`,
    seen.callsPerSecond <= CALLS,
    `${seen.callsPerSecond.toFixed(1)} calls a second`,
  )
  invariants.check(
    'as many passes were given as visitors received',
    admitted.size === seen.admitted,
    `${seen.admitted} given, ${admitted.size} received`,
  )
  return oldest
}
