import type { Final, Port, Reply, Retry } from './port.js'
import type { StoredEvent } from './records.js'

/**
 * The commands by which consumers follow the events of a partition: the engine stores the progress
 * of each *group* of consumers. As with a sale, these comments are the specification, and the tests
 * compare the Redis engine with the memory engine.
 *
 * The terms:
 *
 * - A group has a name and a *position*: it has processed every event up to that sequence number,
 *   except those it has parked.
 * - One consumer at a time has the *lease* of a group's partition, under an *epoch* that grows each
 *   time the lease goes to another consumer. A command with an old epoch is `fenced`, and changes
 *   nothing. So the events of a partition are processed in order.
 * - An event that cannot be processed yet is *parked* with its failed attempts; after the last
 *   attempt it is *dead*. The engine stores the whole parked event, so trimming the stream does not
 *   remove it.
 * - Consumers read the events themselves with the sale's command `events`.
 *
 * The rules in `Port` and those on the incarnation in `sale.ts` hold here too: `missing` if there
 * is no sale, `lost` if there is another incarnation. A freeze does not affect these commands, and
 * they write no events. `sequence` in a reply is the partition's. `lastSeen`, `batchId` and
 * `bypassFreeze` have no effect.
 */
export interface ParkedEvent {
  readonly event: StoredEvent
  /** How many attempts have failed. */
  readonly attempts: number
  /** When to try it again, server time; `null` for a dead event. */
  readonly retryAt: number | null
  /** The error of the last attempt, at most 1,024 bytes. */
  readonly error: string
}

export interface GroupState {
  readonly group: string
  readonly position: number
  /** The consumer that has the lease, or had it last; `null` in a group that was never claimed. */
  readonly consumer: string | null
  /** Server time at which the lease ends or ended. */
  readonly until: number
  readonly parked: number
  readonly dead: number
}

/** Which events may be trimmed from the stream. */
export interface Trim {
  /**
   * Only events older than this are trimmed, in ms. An event whose hold may still expire is needed:
   * never less than the sale's `maxHoldMs`.
   */
  readonly olderThanMs: number
  /**
   * This number of the latest events is kept, whether groups have processed them or not; events
   * beyond it may be trimmed even if no group has processed them.
   */
  readonly maxEvents: number
}

export interface GroupCommands {
  /**
   * Takes or renews the lease of a group for a consumer, until `now + leaseMs`. A new group is
   * created at position 0 (`beginning`) or after the latest event (`now`). `busy`: another consumer
   * has a lease that has not ended. If the consumer already had the lease, the epoch stays;
   * otherwise it grows by one.
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
   * Stores the consumer's progress, and renews the lease until `now + leaseMs` (0 gives it up: it
   * ends now). In one step: the position becomes `position` if that is more (at most the latest
   * sequence); the events of `park` are parked, or parked again; the events of `unpark`, by
   * sequence, are no longer parked. `fenced`: another consumer's claim ended the epoch (a lease
   * that has run out still belongs to its consumer until then); `gone`: there is no such group.
   * Neither changes anything.
   *
   * Then, with `trim`, the oldest entries of the stream are removed (one entry holds the events
   * that one call wrote): at most 100 entries, never the latest, and only if all events of the
   * entry have `at <= now - olderThanMs` and no expired hold waits to be swept. An entry is removed
   * if all its events are at or before the position of every group, or if `maxEvents` events are
   * left without it. `first`: the sequence of the oldest event that is left, `sequence + 1` if
   * there is none.
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
   * Moves the position of a group that stores its progress elsewhere, such as in a database:
   * creates a new group at that position; moves an existing group there, if that is more (at most
   * the latest sequence). Needs no lease and takes none. `trim` as in `acknowledge`.
   */
  checkpoint: {
    op: { readonly group: string; readonly position: number; readonly trim: Trim | null }
    answer: { readonly status: 'checkpointed'; readonly first: number } | Retry
  }

  /**
   * All groups in ascending order of their names' bytes, and `first` as in `acknowledge`. Writes
   * nothing.
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
   * Retries dead events, by sequence, with `attempts: 0` and `retryAt: now`, or discards them.
   * `count`: how many of the sequences were dead events.
   */
  revive: {
    op: {
      readonly group: string
      readonly sequences: readonly number[]
      readonly action: 'retry' | 'discard'
    }
    answer: { readonly status: 'revived'; readonly count: number } | Retry
  }

  /** Deletes a group: position, lease and parked events. `gone`: there is no such group. */
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
