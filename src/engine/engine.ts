import type { Clock } from './clock.js'
import type { GroupPort } from './groups.js'
import type { RoomPort } from './room.js'
import type { Partition } from './sale.js'

/** A sale's commands and records are imported from here, by all folders but this one. */
export type * from './records.js'
export type * from './rules.js'
export type * from './sale.js'

/**
 * How a `FlashSale` or a `WaitingRoom` reaches its state. Created by `memoryEngine()`,
 * `redisEngine()` or `virtualEngine()`. The interface that sales and rooms use is internal: the
 * built types contain only `close`.
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
  /** Closes the client that the engine itself opened, never one that was passed to it. */
  close(): Promise<void>
}
