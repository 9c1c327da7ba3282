import { setTimeout as delay } from 'node:timers/promises'
import type { Invariants } from '../../scripts/lib/load/invariants.js'
import type { ServerMeter } from '../../scripts/lib/load/server-meter.js'
import { redisEngine } from '../../src/index.js'
import { openWorker } from '../load/worker.js'
import type { Context } from '../part.js'
import type { AdmissionInput, AdmissionResult } from './admission-visitors.js'
import { Admissions, type Seconds } from './admissions.js'
import { openRoom, PASS_MS, TOO_BUSY } from './filled-room.js'

/** Two application servers. */
const WORKERS = 2
const NO_SHOWS = 0.4
/** Seconds after the opening that are not measured: the full token bucket is emptied first. */
const OPENING_SECONDS = 2
/** How many times as long two processes may take to join as one process that does nothing else. */
const JOIN_SLACK = 8
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
  const id = `admission-${pace.rate}`
  const engine = redisEngine(url, { prefix })
  const room = openRoom(engine, id, pace)
  const workers = Array.from({ length: WORKERS }, () =>
    openWorker<AdmissionResult, never>('waiting-room/admission-worker.ts', () => {}),
  )
  try {
    await Promise.all(workers.map(({ ready }) => ready))
    const opensAt = Date.now() + Math.ceil(2_000 + (buyers / joinsPerSecond) * JOIN_SLACK * 1_000)
    const endsAt = opensAt + open * 1_000 + DRAIN_MS
    await room.create({ opensAt })
    const shared = {
      url,
      prefix,
      id,
      pace,
      buyers,
      noShows: NO_SHOWS,
      seed: context.seed,
      workers: WORKERS,
      endsAt,
    }
    for (const [worker, { start }] of workers.entries()) start({ ...shared, worker } satisfies AdmissionInput)
    const results = Promise.all(workers.map(({ result }) => result))
    results.catch(() => {}) // awaited below
    const watch = showProgress(context, `${pace.rate} a second`, opensAt, open)
    await until(opensAt + OPENING_SECONDS * 1_000)
    const before = await meter.read()
    await until(opensAt + open * 1_000)
    const calls = (await meter.read()).calls - before.calls
    clearInterval(watch)
    // A pass that is given from here on would not reach its visitor.
    await room.pause()
    const all = await results
    if (all.some(({ joinedAt }) => joinedAt >= opensAt)) throw new Error(TOO_BUSY)
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
    await room.close()
    await engine.close()
  }
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
    context.progress.update(`admitting ${label}`, Math.min(open, Math.max(0, seconds)), open, 's')
  }, 250)
}

async function until(at: number): Promise<void> {
  await delay(Math.max(0, at - Date.now()))
}
