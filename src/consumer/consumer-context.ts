import type { Load } from './backlog.js'
import type { Delivery } from './delivery.js'
import type { Settings } from './options.js'
import type { EventSource } from './source.js'
import type { ConsumerWarning } from './warnings.js'
import type { WorkerPool } from './worker-pool.js'

/** A busy partition is acknowledged this often. ms */
export const SETTLE_MS = 100

/** What the partitions of a consumer share. */
export interface ConsumerContext {
  readonly source: EventSource
  readonly settings: Settings
  /** Where a new group begins. */
  readonly start: 'beginning' | 'now'
  /** The unique name under which this consumer takes leases. */
  readonly consumer: string
  readonly maxHoldMs: number
  readonly load: Load
  readonly workers: WorkerPool
  readonly counts: Counts
  warn(warning: ConsumerWarning): void
  /** Reports an error that may pass. An error that does not pass ends the consumer. */
  report(error: unknown): void
  /** An event becomes a dead letter. */
  deadLetter(delivery: Delivery, error: unknown): void | Promise<void>
  /** The consumer has fewer events in hand, so reading may continue. */
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
