import type { Port, Retry } from './port.js'
import type { SaleState } from './records.js'
import type { IndexPort } from './sale-index.js'

/**
 * The commands that remove a partition of a sale. They name the incarnation that they mean: to
 * another one they do nothing (`gone`). The index decides, see `sale-index.ts`.
 *
 * While a partition is sealed, every other command's outcome is `lost`: its caller asks the index.
 */
export interface RemovalCommands {
  /** Writes nothing. `nothing`: there is no partition, or parts of it are lost. */
  inspect: {
    op: Record<never, never>
    answer:
      | {
          readonly status: 'found'
          readonly incarnation: string
          readonly state: SaleState
          /** The partition is to be recovered. */
          readonly frozen: boolean
          /** When the sale changed last or, if it was later, when it closed. Server time. */
          readonly changedAt: number
          /** The latest attempt to remove it that is known here, and whether it is sealed. */
          readonly attempt: number
          readonly sealed: boolean
        }
      | { readonly status: 'nothing' }
  }

  /**
   * Seals the partition for this attempt, if the sale has ended (else `not_ended`), no units are
   * held, no reservation is on its way to another partition, and no consumer group lags (else
   * `in_use`; with `force` these are not asked). A group lags if it has not processed all events,
   * or has parked events that are not dead. Holds that have expired count until they are swept.
   * `superseded`: the partition knows a later attempt. With `dry` nothing changes, and the attempt
   * is not compared.
   */
  seal: {
    op: {
      readonly incarnation: string
      readonly attempt: number
      readonly force: boolean
      readonly dry: boolean
    }
    answer: { readonly status: 'sealed' | 'not_ended' | 'in_use' | 'superseded' | 'gone' | 'frozen' } | Retry
  }

  /** Ends the seal of this attempt or an earlier one, none of which can seal it any more. */
  unseal: {
    op: { readonly incarnation: string; readonly attempt: number }
    answer: { readonly status: 'unsealed' | 'gone' } | Retry
  }

  /** Removes all that is stored of the partition and its groups, whether it is sealed or not. */
  erase: { op: { readonly incarnation: string }; answer: { readonly status: 'erased' | 'gone' } | Retry }
}

/** The commands that remove a waiting room; see {@link RemovalCommands}. */
export interface RoomRemovalCommands {
  /** Writes nothing. `nothing`: there is no room, or parts of it are lost. */
  inspect: {
    op: Record<never, never>
    answer:
      | { readonly status: 'found'; readonly incarnation: string; readonly state: ListedRoomState }
      | { readonly status: 'nothing' }
  }
  erase: { op: { readonly incarnation: string }; answer: { readonly status: 'erased' | 'gone' } | Retry }
}

/** As `state` in the stats of a room, by the latest reading of its sale's stock. */
export type ListedRoomState = 'not_open' | 'open' | 'paused' | 'sold_out' | 'ended'

/** The ports by which an engine lists and removes its sales and rooms. */
export interface Lifecycle {
  readonly index: IndexPort
  partition(sale: string, index: number, partitions: number): Port<RemovalCommands>
  room(name: string): Port<RoomRemovalCommands>
}
