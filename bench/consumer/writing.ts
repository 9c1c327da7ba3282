import { CALLERS } from '../../scripts/lib/load/sale.js'
import type { Followed } from './follow-worker.js'
import { reserveTogether } from './reserving.js'
import { between, sampleAt } from './samples.js'
import type { Database, TestBed } from './test-bed.js'

export interface WritingRound {
  /** Reservations a second while no process writes. */
  readonly alone: number
  /** Rows written a second, of the same reservations, when all of them were made. */
  readonly backlog: number
  readonly backlogPerBatch: number
  /** µs of the follower's process for each. */
  readonly backlogCpu: number
  /**
   * While reservations come at this rate: rows a second, events not written at the end, and ms
   * until they are.
   */
  readonly offered: number
  readonly live: number
  readonly liveLag: number
  readonly liveLagMs: number
  readonly livePerBatch: number
  readonly liveCpu: number
}

export interface WritingSizes {
  readonly backlog: number
  readonly liveSeconds: number
  /** More than the target asks of the ledger, and less than Redis can take. */
  readonly perSecond: number
}

/** The first share of the time is not counted. */
const WARM_UP = 0.25

/** A process follows a sale that is complete, and then another one while buyers reserve in it. */
export async function writingRound(
  testBed: TestBed,
  database: Database,
  { backlog: count, liveSeconds, perSecond }: WritingSizes,
): Promise<WritingRound> {
  const { reservers, invariants } = testBed
  const { follower } = database
  const { ledger, schema } = await database.ledger()

  const first = await testBed.sale()
  const alone = await reserveTogether(
    reservers,
    first,
    { limit: { count }, load: { callers: CALLERS } },
    invariants,
  )
  const { startedAt } = await follower.run({ type: 'follow', sale: first.sale.id, schema })
  const past = await follower.run({ type: 'finish', events: alone.ids.length })
  check(testBed, past)
  const all = { reservations: alone.ids.length, events: alone.ids.length }
  await database.check(ledger, schema, first.sale, all, invariants)
  await first.finish(invariants, { audit: false })
  await testBed.clear()

  const second = await testBed.sale()
  await follower.run({ type: 'follow', sale: second.sale.id, schema })
  const drive = { limit: { seconds: liveSeconds }, load: { perSecond } }
  const live = await reserveTogether(reservers, second, drive, invariants)
  const followed = await follower.run({ type: 'finish', events: live.ids.length })
  check(testBed, followed)
  const some = { reservations: live.ids.length, events: live.ids.length }
  await database.check(ledger, schema, second.sale, some, invariants)
  await second.finish(invariants)
  await testBed.clear()

  const end = past.samples.find(({ done }) => done >= all.events) ?? past.samples.at(-1)!
  const from = live.from + (live.to - live.from) * WARM_UP
  const reserved = between(live.samples, from, live.to)
  const written = between([followed.samples], from, live.to)
  const caughtUp = followed.samples.find(({ done }) => done >= some.events) ?? followed.samples.at(-1)!
  const seconds = (live.to - from) / 1_000
  return {
    alone: alone.perSecond,
    backlog: (all.events * 1_000) / (end.at - startedAt),
    backlogPerBatch: past.written / past.batches,
    backlogCpu: between([past.samples], startedAt, end.at).cpu / all.events,
    offered: reserved.done / seconds,
    live: written.done / seconds,
    liveLag: Math.max(0, some.events - sampleAt(followed.samples, live.to).done),
    liveLagMs: Math.max(0, caughtUp.at - live.to),
    livePerBatch: followed.written / followed.batches,
    liveCpu: written.cpu / written.done,
  }
}

function check({ invariants }: TestBed, { lost, error }: Followed): void {
  invariants.check(
    'the follower loses no event, and meets no error',
    lost === 0 && error === undefined,
    `${lost} lost; ${error}`,
  )
}
