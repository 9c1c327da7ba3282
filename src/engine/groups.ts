import type { Final, Port, Reply, Retry } from './port.js'
import type { StoredEvent } from './records.js'

/**
 * What those who follow the events of a partition ask of an engine: where each *group* of consumers
 * stands. As with a sale, these comments are the specification, and the memory engine is the oracle
 * for the Redis engine.
 *
 * The terms:
 *
 * - A group is known by its name. It has a *position*: it has dealt with every event up to that
 *   sequence number, but for those it has parked.
 * - One consumer at a time has the *lease* of a group's partition, under an *epoch* that grows with
 *   each change of hands: what a consumer sends with an epoch that is over is `fenced`, and changes
 *   nothing. So the events of a partition are dealt with in order.
 * - An event that cannot be dealt with yet is *parked* with what has been tried, or, when it has
 *   been given up, as *dead*. A parked event is kept whole: it outlives the stream's trimming.
 * - The events themselves are read with the sale's command `events`.
 *
 * What is said in `Port` and of the token in `sale.ts` holds here too: `missing` where there is no
 * sale, `lost` where there is another. A freeze does not concern these commands, and they write no
 * events. `sequence` in a reply is the partition's. `seen`, `mark` and `recovers` mean nothing.
 */
export interface ParkedEvent {
  readonly event: StoredEvent
  /** How often it was tried. */
  readonly attempts: number
  /** When to try it again, server time; `null` for a dead one. */
  readonly retryAt: number | null
  /** Why it failed last, at most 1,024 bytes. */
  readonly error: string
}

export interface GroupState {
  readonly group: string
  readonly position: number
  /** Who has the lease, or had it last; `null` in a group that nobody has claimed. */
  readonly consumer: string | null
  /** Server time at which the lease ends or ended. */
  readonly until: number
  readonly parked: number
  readonly dead: number
}

/** What of the stream may go. */
export interface Trim {
  /**
   * Only what is older is trimmed, in ms. An event whose hold may still expire is needed: never
   * less than the sale's `maxHoldMs`.
   */
  readonly olderThanMs: number
  /**
   * So many of the latest events are kept, whoever has dealt with them or not; what is beyond may
   * go though nobody has.
   */
  readonly maxEvents: number
}

export interface GroupCommands {
  /**
   * Takes or renews the lease of a group for a consumer, until `now + leaseMs`. A group that is new
   * is made, at position 0 (`beginning`) or after the latest event (`now`). `busy`: somebody else
   * has a lease that has not ended. Where the consumer had the lease itself, the epoch stays; else
   * it becomes one more.
   *
   * `parked`: all of the group's parked events that are not dead, oldest first.
   */
  claim: {
    op: {
      readonly group: string
      readonly consumer: string
      readonly leaseMs: number
      readonly start: 'beginning' | 'now'
    }
    answer:
      | {
          readonly status: 'claimed'
          readonly epoch: number
          readonly position: number
          readonly until: number
          readonly parked: readonly ParkedEvent[]
        }
      | { readonly status: 'busy'; readonly consumer: string; readonly until: number }
      | Retry
  }

  /**
   * Tells what was dealt with, and renews the lease until `now + leaseMs` (0 gives it up: it ends
   * now). In one step: the position becomes `position` if that is more (at most the latest
   * sequence); the events of `park` are parked, or parked anew; those of `unpark`, by sequence, are
   * parked no more. `fenced`: the epoch is over (by another's claim; a lease that has merely run
   * out is still its owner's); `gone`: there is no such group. Neither changes anything.
   *
   * Then, with `trim`, the oldest entries of the stream go, an entry being what one call wrote: at
   * most 100 of them, never the latest, and only if all events of the entry have
   * `at <= now - olderThanMs` and no expired hold waits to be swept. An entry goes if all its
   * events lie at or before the position of every group, or if `maxEvents` events are left without
   * it.
   * `first`: the sequence of the oldest event that is left, `sequence + 1` if there is none.
   */
  acknowledge: {
    op: {
      readonly group: string
      readonly consumer: string
      readonly epoch: number
      readonly leaseMs: number
      readonly position: number
      readonly park: readonly ParkedEvent[]
      readonly unpark: readonly number[]
      readonly trim: Trim | null
    }
    answer:
      | { readonly status: 'acknowledged'; readonly until: number; readonly first: number }
      | { readonly status: 'fenced' | 'gone' }
      | Retry
  }

  /**
   * Moves the position of a group that keeps its own account of what it has dealt with, such as a
   * database: makes it if it is new, at that position, and sets it there otherwise, if that is more
   * (at most the latest sequence). Needs no lease and takes none. `trim` as in `acknowledge`.
   */
  checkpoint: {
    op: { readonly group: string; readonly position: number; readonly trim: Trim | null }
    answer: { readonly status: 'checkpointed'; readonly first: number } | Retry
  }

  /**
   * All groups in ascending order of their names' bytes, and the oldest event that is left as in
   * `acknowledge`. Writes nothing.
   */
  groups: {
    op: Record<never, never>
    answer: { readonly status: 'groups'; readonly groups: readonly GroupState[]; readonly first: number }
  }

  /** Dead events of a group with `sequence > after`, oldest first, 100 at most. Writes nothing. */
  dead: {
    op: { readonly group: string; readonly after: number }
    answer: { readonly status: 'dead'; readonly events: readonly ParkedEvent[] }
  }

  /**
   * Dead events by sequence: to be tried again, with `attempts: 0` and `retryAt: now`, or to be
   * forgotten. `count`: how many there were.
   */
  revive: {
    op: {
      readonly group: string
      readonly sequences: readonly number[]
      readonly action: 'retry' | 'discard'
    }
    answer: { readonly status: 'revived'; readonly count: number } | Retry
  }

  /** Forgets a group: position, lease and parked events. `gone`: there is none. */
  drop: {
    op: { readonly group: string }
    answer: { readonly status: 'dropped' | 'gone' } | Retry
  }
}

export type GroupCommand = keyof GroupCommands
export type GroupOp<C extends GroupCommand> = GroupCommands[C]['op']
export type GroupAnswer<C extends GroupCommand> = GroupCommands[C]['answer']
export type GroupReply<C extends GroupCommand> = Reply<GroupAnswer<C>>
export type FinalGroupAnswer<C extends GroupCommand> = Final<GroupAnswer<C>>
export type GroupPort = Port<GroupCommands>
