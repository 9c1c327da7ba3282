import type { Load } from './backlog.js'
import type { Delivery } from './delivery.js'
import type { Settings } from './options.js'
import type { EventSource } from './source.js'
import type { ConsumerWarning } from './warnings.js'
import type { WorkerPool } from './worker-pool.js'

/** While it is busy the engine is told this often what was done. ms */
export const SETTLE_MS = 100

/** What the partitions of a consumer share. */
export interface ConsumerContext {
  readonly source: EventSource
  readonly settings: Settings
  /** Where a new group begins. */
  readonly start: 'beginning' | 'now'
  /** The name under which the leases are taken: no other consumer's. */
  readonly consumer: string
  readonly maxHoldMs: number
  readonly load: Load
  readonly workers: WorkerPool
  readonly counts: Counts
  warn(warning: ConsumerWarning): void
  /** Something went wrong that may pass; what cannot ends the consumer. */
  report(error: unknown): void
  /** An event is given up. */
  deadLetter(delivery: Delivery, error: unknown): void | Promise<void>
  /** There is less in hand again. */
  leaseReleased(): void
  /** A lease was won or lost, or is being given up. */
  leadershipChanged(): void
}

export interface Counts {
  handled: number
  failed: number
  retried: number
  lost: number
}
