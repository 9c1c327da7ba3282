import type { Port, Retry } from './port.js'

/**
 * The index of a prefix: each incarnation of a sale or waiting room that was created, until 30 days
 * after it was removed. It is what the lists read, and what tells a sale that was removed from one
 * that was lost. A call that sells asks it only when a handle sees the first events of a partition
 * other than 0: a late `create` may have made that partition again.
 *
 * An incarnation is registered before its `create` is acknowledged. It is removed in steps, which
 * any process can repeat and continue:
 *
 * 1. `register` with `attempts` numbers an attempt. Each partition of a sale is sealed by it, see
 *    `removal.ts`.
 * 2. `commit` decides: `live` becomes `removing`, if no later attempt was begun. An attempt is
 *    given up by beginning a later one, with which the partitions are unsealed.
 * 3. All partitions are erased, partition 0 last.
 * 4. `finish`: `removing` becomes `removed`.
 */
export interface IndexCommands {
  /**
   * Adds an incarnation that is not in the index. With `attempts`, a live one gets the next
   * attempt. With `retains`, it is noted that the sale may have a `retainMs`.
   */
  register: {
    op: IndexedIncarnation & { readonly attempts: boolean; readonly retains: boolean }
    answer: { readonly status: 'registered'; readonly state: IndexState; readonly attempt: number } | Retry
  }

  /** Writes nothing. */
  find: {
    op: { readonly incarnation: string }
    answer:
      | {
          readonly status: 'found'
          readonly state: IndexState
          readonly attempt: number
          readonly partitions: number
        }
      | { readonly status: 'unknown' }
  }

  /** `superseded`: a later attempt was begun, or the incarnation is not in the index. */
  commit: {
    op: { readonly incarnation: string; readonly attempt: number }
    answer: { readonly status: 'committed' | 'superseded' } | Retry
  }

  /**
   * Notes that all of it was erased; an incarnation that is not in the index is added. Forgets some
   * incarnations that were removed 30 days ago or earlier.
   */
  finish: { op: IndexedIncarnation; answer: { readonly status: 'finished' } | Retry }

  /**
   * A page of all entries. It begins with cursor '0' and ends when `cursor` is '0'. An entry may
   * come twice. Writes nothing.
   */
  list: {
    op: { readonly cursor: string }
    answer: {
      readonly status: 'listed'
      readonly cursor: string
      readonly entries: readonly IndexEntry[]
    }
  }
}

export interface IndexedIncarnation {
  readonly kind: 'sale' | 'room'
  readonly name: string
  readonly incarnation: string
  /** 1 for a room. */
  readonly partitions: number
}

export type IndexState = 'live' | 'removing' | 'removed'

export interface IndexEntry extends IndexedIncarnation {
  readonly state: IndexState
  /** When it was registered, server time. */
  readonly createdAt: number
  /** The number of the latest attempt to remove it. */
  readonly attempt: number
  /** The sale has, or had, a `retainMs`. */
  readonly retains: boolean
}

/** For how long a removed incarnation is known, in ms. */
export const KEPT_MS = 30 * 24 * 3_600_000
/** The most entries that one `finish` forgets. */
export const FORGOTTEN_AT_ONCE = 100

export type IndexPort = Port<IndexCommands>
