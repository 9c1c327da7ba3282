/**
 * An application server that makes reservations, as a process; with a ledger, it answers when the
 * ledger has them.
 */
import pg from 'pg'
import { closedLoop, type Limit, openArrivals, poisson } from '../../scripts/lib/load/drive.js'
import { Recorder, type RecorderData } from '../../scripts/lib/load/recorder.js'
import { requestOf } from '../../scripts/lib/load/sale.js'
import { random } from '../../scripts/lib/random.js'
import { FlashSale, redisEngine } from '../../src/index.js'
import { postgresLedger } from '../../src/postgres.js'
import { serveTasks } from '../load/task-process.js'
import { type Sample, Sampler } from './samples.js'

export interface Setting {
  readonly url: string
  readonly prefix: string
  /** Absent where PostgreSQL cannot be started. */
  readonly postgres: string | undefined
}

export type ReserveTask =
  | {
      readonly type: 'reserve'
      readonly sale: string
      readonly first: number
      readonly limit: Limit
      /** Callers that wait for their answers, or arrivals a second that do not wait. */
      readonly load: { readonly callers: number } | { readonly perSecond: number }
      /** The schema of the ledger that has the reservation before the caller is answered. */
      readonly ledger?: string
    }
  /** Confirms and extends the latest reservations, in turn. */
  | { readonly type: 'change'; readonly count: number }

export interface Reserved {
  /** Of the reservations that were made, or changed. */
  readonly ids: readonly string[]
  readonly refused: number
  readonly failed: number
  readonly error: string | undefined
  readonly samples: readonly Sample[]
  readonly recorder: RecorderData
}

const INTERVAL_MS = 250
/** An extended hold. */
const LONG_MS = 1_200_000
/** Answers of this time are not recorded. */
const WARM_UP_MS = 200

serveTasks<Setting, ReserveTask, Reserved>(({ url, prefix, postgres }) => {
  const engine = redisEngine(url, { prefix })
  const pool = postgres === undefined ? undefined : new pg.Pool({ connectionString: postgres, max: 4 })
  // A connection that breaks while no query uses it is replaced with the next one.
  pool?.on('error', () => {})
  let sale: FlashSale | undefined
  let ids: string[] = []

  return (task) => (task.type === 'reserve' ? reserve(task) : change(task))

  async function reserve({
    sale: id,
    first,
    limit,
    load,
    ledger,
  }: Extract<ReserveTask, { type: 'reserve' }>) {
    await sale?.close()
    const durability = ledger !== undefined && { ledger: postgresLedger(pool!, { schema: ledger }) }
    const options = { engine, deadlineMs: 60_000, maxInFlight: 10_000_000 }
    const own = new FlashSale(id, durability ? { ...options, durability } : options)
    sale = own
    ids = []
    const work = async (n: number) => {
      const result = await own.reserve(requestOf(n))
      if (result.status !== 'reserved') return 'refused'
      ids.push(result.reservation.id)
      return 'accepted'
    }
    // The handle learns the rules and opens the ledger first, which is no part of a reservation.
    await work(first)
    const recorder = new Recorder(INTERVAL_MS, performance.now() + WARM_UP_MS)
    const drive = { limit, first: first + 1, work, recorder }
    const sampler = new Sampler(() => ids.length)
    const { refused, failed, error } =
      'callers' in load
        ? await closedLoop({ callers: load.callers, ...drive })
        : await openArrivals({ gap: poisson(load.perSecond, random(first)), ...drive })
    const samples = sampler.stop()
    return { ids, refused, failed, error: error === undefined ? undefined : String(error), samples, recorder }
  }

  async function change({ count }: Extract<ReserveTask, { type: 'change' }>) {
    const changed = ids.slice(-count)
    const answers = await Promise.all(
      changed.map((id, i) =>
        i % 2 === 0 ? sale!.confirm(id, { paymentId: 'paid' }) : sale!.extend(id, { holdMs: LONG_MS }),
      ),
    )
    const failed = answers.filter(({ status }) => status !== 'confirmed' && status !== 'extended').length
    const recorder = new Recorder(INTERVAL_MS)
    return { ids: changed, refused: 0, failed, error: undefined, samples: [], recorder }
  }
})
