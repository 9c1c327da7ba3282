import type { Clock } from './clock.js'
import type { GroupPort } from './groups.js'
import type { RoomPort } from './room.js'
import type { Partition } from './sale.js'

export type { Call, LogOffset } from './port.js'
export type * from './records.js'
export type * from './sale.js'

/**
 * How a `FlashSale` or a `WaitingRoom` reaches its state. Made by `memoryEngine()`, `redisEngine()`
 * or `virtualEngine()`. What sales and rooms ask of an engine is internal: the built types have no
 * more of it than `close`.
 */
export interface Engine {
  /**
   * ms on a clock that only differences may be taken of; measures ages inside this process, decides
   * nothing.
   * @internal
   */
  elapsed(): number
  /**
   * The timers for deadlines and waits. @default the process'
   * @internal
   */
  readonly clock?: Clock | undefined
  /**
   * It is asked without a network: nothing is gained by remembering its refusals. @default false
   * @internal
   */
  readonly isLocal?: boolean | undefined
  /**
   * @param partitions How many the sale has; partition 0 is found without knowing.
   * @internal
   */
  partition(sale: string, index: number, partitions: number): Partition
  /**
   * What follows the events of a partition.
   * @internal
   */
  groups(sale: string, index: number, partitions: number): GroupPort
  /** @internal */
  room(name: string): RoomPort
  /** Ends what the engine itself opened: its own client, never one it was given. */
  close(): Promise<void>
}
