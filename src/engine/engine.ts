import type { Clock } from './clock.js'
import type { GroupPort } from './groups.js'
import type { HeartbeatPort } from './heartbeat.js'
import type { ListedRoom, ListedSale } from './listing.js'
import type { OperationsLogPort } from './operations-log.js'
import type { Lifecycle } from './removal.js'
import type { RoomPort } from './room.js'
import type { Partition } from './sale.js'
import type { EngineServer } from './servers.js'

/** A sale's commands and records are imported from here, by all folders but this one. */
export type * from './records.js'
export type * from './rules.js'
export type * from './sale.js'

/**
 * How a `FlashSale` or a `WaitingRoom` reaches its state. Created by `memoryEngine()`,
 * `redisEngine()` or `virtualEngine()`. The interface that sales and rooms use is internal: the
 * built types do not contain it.
 */
export interface Engine {
  /**
   * ms on a clock of which only differences have a meaning; measures ages inside this process, and
   * decides nothing.
   * @internal
   */
  elapsed(): number
  /**
   * The timers for deadlines and waits. @default the process'
   * @internal
   */
  readonly clock?: Clock | undefined
  /**
   * The engine is called without a network, so caching its refusals gains nothing. @default false
   * @internal
   */
  readonly isLocal?: boolean | undefined
  /**
   * @param partitions The sale's number of partitions; partition 0 can be found without knowing it.
   * @internal
   */
  partition(sale: string, index: number, partitions: number): Partition
  /**
   * The consumer groups that follow the events of a partition.
   * @internal
   */
  groups(sale: string, index: number, partitions: number): GroupPort
  /** @internal */
  room(name: string): RoomPort
  /**
   * How sales and rooms are listed and removed. An engine of a test may have none.
   * @internal
   */
  readonly lifecycle?: Lifecycle | undefined
  /**
   * What operators have done. An engine of a test may have none.
   * @internal
   */
  readonly operationsLog?: OperationsLogPort | undefined
  /**
   * What the processes tell each other. Missing: this engine has no heartbeat.
   * @internal
   */
  readonly heartbeat?: HeartbeatPort | undefined
  /**
   * The servers that keep the state. Missing: it is inside this process.
   * @internal
   */
  readonly servers?: (() => readonly EngineServer[]) | undefined
  /**
   * The sales under the engine's prefix, in no particular order: those that were created by this
   * version, and those that a process has called `create` of since. A sale that is created or
   * removed meanwhile may be missing.
   *
   * @throws {StockholdError} `UNAVAILABLE`, `UNSAFE_CONFIG`, `CLOSED`, `INCOMPATIBLE_VERSION`
   */
  sales(): AsyncIterable<ListedSale>
  /** The waiting rooms under the engine's prefix; see {@link sales}. */
  rooms(): AsyncIterable<ListedRoom>
  /** Closes the client that the engine itself opened, never one that was passed to it. */
  close(): Promise<void>
}
