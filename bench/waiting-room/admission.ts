import { setTimeout as delay } from 'node:timers/promises'
import type { Invariants } from '../../scripts/lib/load/invariants.js'
import type { ServerMeter } from '../../scripts/lib/load/server-meter.js'
import { type Engine, redisEngine, type WaitingRoom } from '../../src/index.js'
import { TaskProcess } from '../load/task-process.js'
import type { Context } from '../part.js'
import type { AdmissionInput, AdmissionResult, AdmissionTask } from './admission-visitors.js'
import { Admissions, type Seconds } from './admissions.js'
import { ATTEMPTS, JOIN_SLACK, openRoom, PASS_MS, TOO_BUSY } from './filled-room.js'

/** Two application servers. */
const WORKERS = 2
const NO_SHOWS = 0.4
/** Seconds after the opening that are not measured: the full token bucket is emptied first. */
const OPENING_SECONDS = 2
/**
 * At the head of the queue every visitor polls about once a second, or is told by an update; the
 * answer comes with the next call.
 */
const TURN_MS = 2_000
/** Time for the last answers after the room is paused. */
const DRAIN_MS = 1_500

export interface AdmissionRun extends Seconds {
  readonly pace: AdmissionInput['pace']
  readonly joined: number
  readonly admitted: number
  /** Of both processes. */
  readonly callsPerSecond: number
  /** By the way of waiting, in ms. */
  readonly overtaken: { readonly updates: number; readonly polls: number }
}

/**
 * Opens a room with more visitors than it can admit in the time. Each of two processes has half of
 * the visitors.
 */
export async function measureAdmission(
  context: Context,
  url: string,
  pace: AdmissionInput['pace'],
  joinsPerSecond: number,
  meter: ServerMeter,
  invariants: Invariants,
): Promise<AdmissionRun> {
  const seconds = context.quick ? 5 : 20
  const open = OPENING_SECONDS + seconds
  const buyers = Math.ceil(((open + 3) * pace.rate + pace.burst) / (1 - NO_SHOWS))
  const prefix = context.prefix()
  const engine = redisEngine(url, { prefix })
  const shared = { url, prefix, pace, buyers, noShows: NO_SHOWS, seed: context.seed, workers: WORKERS }
  const workers = await Promise.all(
    Array.from({ length: WORKERS }, (_, worker) =>
      TaskProcess.open<AdmissionTask, AdmissionResult>('waiting-room/admission-worker.ts', {
        ...shared,
        worker,
      } satisfies AdmissionInput),
    ),
  )
  const label = `${pace.rate.toLocaleString('en-US')} a second`
  let room: WaitingRoom | undefined
  try {
    context.progress.update(`admitting ${label}: the visitors join`, 0, buyers, 'visitors')
    const joined = await joinBeforeOpening(engine, workers, pace, (buyers / joinsPerSecond) * 1_000)
    const { opensAt } = joined
    room = joined.room
    const results = Promise.all(
      workers.map((worker) => worker.run({ type: 'wait', until: opensAt + open * 1_000 + DRAIN_MS })),
    )
    results.catch(() => {}) // awaited below
    const watch = showProgress(context, label, opensAt, open)
    await until(opensAt + OPENING_SECONDS * 1_000)
    const before = await meter.read()
    await until(opensAt + open * 1_000)
    const calls = (await meter.read()).calls - before.calls
    clearInterval(watch)
    // A pass that is given from here on would not reach its visitor.
    await room.pause()
    const all = await results
    const admissions = new Admissions(all, opensAt, PASS_MS, invariants)
    await check(admissions, all, shared, invariants)
    const { waiting, admitted, outstanding } = await room.stats()
    invariants.check(
      'every pass given has reached its visitor, and all of them are outstanding',
      admitted === admissions.all.length && outstanding >= admitted,
      `${admitted} given, ${admissions.all.length} received, ${outstanding} outstanding`,
    )
    invariants.check(
      'every visitor who joined waits or is admitted',
      waiting + admitted === admissions.joined,
    )
    return {
      pace,
      ...admissions.perSecond(OPENING_SECONDS, seconds),
      joined: admissions.joined,
      admitted,
      callsPerSecond: calls / seconds,
      overtaken: {
        updates: admissions.overtaken('updates', OPENING_SECONDS),
        polls: admissions.overtaken('polls', OPENING_SECONDS),
      },
    }
  } finally {
    for (const worker of workers) worker.stop()
    await room?.close()
    await engine.close()
  }
}

/**
 * A room that opens when all visitors have joined: until then a position is the rank itself, and
 * everything else is checked by that.
 *
 * @param expectedMs How long they take to join if nothing else uses the machine.
 */
async function joinBeforeOpening(
  engine: Engine,
  workers: readonly TaskProcess<AdmissionTask, AdmissionResult>[],
  pace: AdmissionInput['pace'],
  expectedMs: number,
): Promise<{ room: WaitingRoom; opensAt: number }> {
  let takes = expectedMs
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const began = Date.now()
    const opensAt = Math.ceil(began + 2_000 + takes * JOIN_SLACK)
    const room = openRoom(engine, `admission-${pace.rate}-${attempt}`, pace)
    await room.create({ opensAt })
    const all = await Promise.all(workers.map((worker) => worker.run({ type: 'join', room: room.id })))
    const joinedAt = Math.max(...all.map((each) => each.joinedAt))
    if (joinedAt < opensAt) return { room, opensAt }
    takes = joinedAt - began
    await room.close()
  }
  throw new Error(TOO_BUSY)
}

async function check(
  admissions: Admissions,
  results: readonly AdmissionResult[],
  input: Pick<AdmissionInput, 'seed' | 'noShows' | 'pace'>,
  invariants: Invariants,
): Promise<void> {
  const excess = admissions.excess(input.pace)
  invariants.check(
    'the admissions never exceed burst + rate x time',
    excess <= 1,
    `${excess.toFixed(1)} more than that`,
  )
  for (const waiting of ['updates', 'polls'] as const) {
    const overtaken = admissions.overtaken(waiting, OPENING_SECONDS)
    invariants.check(
      `visitors are admitted by their position, at most ${TURN_MS} ms after a visitor behind them`,
      overtaken <= TURN_MS,
      `${waiting}: ${Math.round(overtaken)} ms after a visitor behind them`,
    )
  }
  const forgotten = admissions.forgotten(input, results, 2 * TURN_MS)
  invariants.check('no visitor who kept polling is passed over', forgotten === 0, `${forgotten} of them`)
}

function showProgress(context: Context, label: string, opensAt: number, open: number): NodeJS.Timeout {
  return setInterval(() => {
    const seconds = (Date.now() - opensAt) / 1_000
    if (seconds < 0) context.progress.update(`${label}: opens in ${Math.ceil(-seconds)} s`, 0, open, 's')
    else context.progress.update(`admitting ${label}`, Math.min(open, seconds), open, 's')
  }, 250)
}

async function until(at: number): Promise<void> {
  await delay(Math.max(0, at - Date.now()))
}
