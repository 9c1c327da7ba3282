import type { ServerFigures } from '../engine/servers.js'
import type { ListedProcess } from '../heartbeat/processes.js'
import type { LogEntry } from '../operations/operations-log.js'
import type { Listed, RefundDue, ShownRoom, ShownSale } from '../operations/results.js'
import type { ListedRecovery } from '../sale/recovery/recoveries.js'
import type { AnsweredProcess, SkuCounts } from '../sale/results.js'

/** What the page is told: one for all viewers, JSON. Times are epoch ms. */
export interface Told {
  /** When Redis was asked, by the clock of the control room's process. */
  readonly at: number
  /** Redis did not answer: `view` is the latest that it did answer, as of `viewAt`. */
  readonly problem: { readonly code: string; readonly since: number } | null
  readonly viewAt: number | null
  readonly view: View | null
}

export interface View {
  readonly sales: readonly SaleView[]
  readonly rooms: readonly RoomView[]
  /** Sales and waiting rooms beyond those that are shown whole. */
  readonly others: readonly Listed[]
  readonly othersCount: number
  readonly processes: readonly ListedProcess[]
  /** `null`: the engine is inside this process. */
  readonly servers: ServersView | null
  readonly alerts: readonly Alert[]
  /** The operations log, the latest first. */
  readonly log: readonly LogEntry[]
  /** `null`: there is no ledger, or it has not answered yet. */
  readonly refunds: RefundsView | null
  readonly hasLedger: boolean
}

export interface SaleView extends Pick<ShownSale, 'id' | 'state' | 'problem'> {
  readonly rules: Pick<
    NonNullable<ShownSale['rules']>,
    'opensAt' | 'closesAt' | 'limitPerBuyer' | 'holdMs' | 'partitions' | 'revision'
  > | null
  readonly skus: readonly SkuView[] | null
  /** What buyers were answered to `reserve`, and how often, by the processes that are listed. */
  readonly answers: readonly (readonly [answer: string, count: number])[]
  readonly groups: readonly GroupView[] | null
  /** The latest recovery in every process, of those that were seen. */
  readonly recovery: RecoveryView | null
}

/** A recovery in every process, and how far it has come: see `ListedRecovery`. */
export interface RecoveryView
  extends Pick<ListedRecovery, 'startedAt' | 'waitFor' | 'remainingMs' | 'state' | 'lacking'> {
  /** Reservations, of all processes that have answered. */
  readonly restored: number
  readonly refused: number
  readonly answeredCount: number
  readonly missingCount: number
  /** Some of them. */
  readonly answered: readonly (Pick<AnsweredProcess, 'counts' | 'restored' | 'refused'> & {
    readonly name: string
  })[]
  readonly missing: readonly {
    readonly name: string
    readonly isPresent: boolean
    readonly error: string | null
  }[]
}

export interface SkuView extends SkuCounts {
  readonly sku: string
  /** Units that were held or confirmed for each second of the last ten; `null`: not known yet. */
  readonly takenPerSecond: number | null
}

export interface GroupView {
  readonly group: string
  readonly lag: number
  readonly parked: number
  readonly dead: number
  /** Consumers that hold a lease. */
  readonly consumers: number
}

export interface RoomView extends Omit<ShownRoom, 'kind'> {
  /** Visitors admitted in each second of the last ten; `null`: not known yet. */
  readonly admittedPerSecond: number | null
  /** How long the last visitor of the queue waits at this rate. `null`: not known. s */
  readonly waitSeconds: number | null
}

export interface ServersView {
  readonly servers: readonly ServerView[]
  /** Of all servers, also those that are not asked. */
  readonly count: number
  /** How many replicas there were in the last hour, and are not there now. */
  readonly missingReplicas: number
}

/** A master, with the figures that it has told last. */
export interface ServerView {
  readonly address: string
  /**
   * `asked`: it has not answered yet. `denied`: its user has no right to INFO. `away`: it has not
   * answered for five seconds.
   */
  readonly state: 'told' | 'asked' | 'denied' | 'away'
  readonly figures: ServerFigures | null
  /** CPU time in each second of the last ten: 1 is all that it has. `null`: not known yet. */
  readonly busyShare: number | null
}

export interface RefundsView {
  /** The ledger did not answer: `payments` are none. */
  readonly failed: boolean
  readonly complete: boolean
  readonly payments: readonly (RefundDue & { readonly sale: string })[]
}

/** What the page is told of a course: one for all viewers, JSON. */
export interface CourseTold {
  /** Redis did not answer: `course` is the latest that it did answer. */
  readonly problem: { readonly code: string } | null
  readonly course: CourseView | null
}

/**
 * A course in columns of the same length, an entry for each point, the earliest first. A `null`
 * is a value that is not known: the sale was frozen, or no process has told points for a while.
 */
export interface CourseView {
  readonly at: readonly number[]
  /**
   * Of a sale `available`, `held` and `confirmed`, of all SKUs together; of a waiting room
   * `waiting`, `admittedPerSecond` since the point before, and `ratePerSecond` that was asked.
   */
  readonly lines: Readonly<Record<string, readonly (number | null)[]>>
}

/** What an operator should look at. */
export interface Alert {
  readonly kind:
    | 'frozen'
    | 'lost'
    | 'version'
    | 'process_gone'
    | 'latency'
    | 'lag'
    | 'dead_letters'
    | 'admission'
    | 'memory'
    | 'eviction'
    | 'replicas'
  /** `critical`: a sale does not sell, or is about to stop. */
  readonly level: 'critical' | 'warning'
  /** `sale:ID`, `room:ID`, `redis ADDRESS`, or the name of a process. */
  readonly subject: string
  readonly text: string
  /** What to do, step by step. */
  readonly guide: readonly string[]
}
