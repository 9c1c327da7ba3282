/** A process that keeps a ledger of a sale. */
import pg from 'pg'
import { FlashSale, redisEngine } from '../../src/index.js'
import { type LedgerFollower, postgresLedger } from '../../src/postgres.js'
import { serveTasks } from '../load/task-process.js'
import type { Setting } from './reserve-worker.js'
import { epochNow, type Sample, Sampler } from './samples.js'
import { until } from './until.js'

export type FollowTask =
  /** Answers once the sale is known and the tables are reached. */
  | { readonly type: 'follow'; readonly sale: string; readonly schema: string }
  /** Answers once this number of events is in the tables and the follower is closed. */
  | { readonly type: 'finish'; readonly events: number }

export interface Followed {
  readonly startedAt: number
  readonly samples: readonly Sample[]
  readonly written: number
  readonly batches: number
  readonly lost: number
  readonly error: string | undefined
}

/** Between two looks at the tables. ms */
const LOOK_MS = 20

serveTasks<Setting, FollowTask, Followed>(({ url, prefix, postgres }) => {
  const engine = redisEngine(url, { prefix })
  const pool = new pg.Pool({ connectionString: postgres!, max: 4 })
  // A connection that breaks while no query uses it is replaced with the next one.
  pool.on('error', () => {})
  let sale: FlashSale
  let follower: LedgerFollower
  let sampler: Sampler
  let startedAt: number
  let position: number
  let error: unknown
  let goal: number
  let looking: Promise<void>

  return (task) => (task.type === 'follow' ? follow(task) : finish(task.events))

  async function follow(task: Extract<FollowTask, { type: 'follow' }>): Promise<Followed> {
    position = 0
    error = undefined
    sale = new FlashSale(task.sale, { engine, deadlineMs: 60_000 })
    sampler = new Sampler(() => position)
    startedAt = epochNow()
    const ledger = postgresLedger(pool, { schema: task.schema })
    follower = await ledger.follow(sale, {
      onError: (fault) => {
        error ??= fault
      },
    })
    goal = Number.POSITIVE_INFINITY
    looking = until(async () => (await look()) >= goal, LOOK_MS)
    looking.catch(() => {})
    return found([])
  }

  async function finish(events: number): Promise<Followed> {
    goal = events
    await looking
    const samples = sampler.stop()
    await follower.close()
    const answer = await found(samples)
    await sale.close()
    return answer
  }

  async function look(): Promise<number> {
    position = (await follower.stats()).partitions[0]!.position
    return position
  }

  async function found(samples: readonly Sample[]): Promise<Followed> {
    const { written, batches, lost } = (await follower.stats()).partitions[0]!
    return {
      startedAt,
      samples,
      written,
      batches,
      lost,
      error: error === undefined ? undefined : String(error),
    }
  }
})
