import type { Clock } from '../engine/clock.js'
import type { EventPage, ReservationPage, Rules, StoredReservation } from '../engine/engine.js'
import type { FinalGroupAnswer, GroupCommand, GroupOp, Trim } from '../engine/groups.js'
import type { LogOffset } from '../engine/port.js'

/**
 * The part of a sale that consumers and ledgers use to read its events. Each call has the deadline
 * of the sale's handle, and rejects as the handle's methods do.
 */
export interface EventSource {
  readonly sale: string
  readonly clock: Clock
  /**
   * The rules in force, those that the sale was created with, and the incarnation, read from the
   * engine if necessary.
   *
   * @param afresh Asks the engine in any case. @default false
   */
  describe(afresh?: boolean): Promise<{
    readonly rules: Rules
    readonly revision: number
    readonly created: Rules
    readonly incarnation: string
  }>
  /**
   * The rules in force as they are known; `undefined` before `describe`. They name every SKU of
   * what was read last.
   */
  rules(): Rules | undefined
  /** A page of events with `sequence > after`, with their reservations. */
  read(partition: number, after: number): Promise<EventPage>
  /** A page of all reservations. */
  scan(partition: number, cursor: string): Promise<ReservationPage>
  /** One reservation in its present state. */
  reservation(partition: number, id: string): Promise<StoredReservation | undefined>
  /**
   * Sweeps, and returns when to sweep again. Rejects with ROLLBACK_DETECTED while the partition is
   * frozen, and freezes it if it has lost events that this handle has seen.
   */
  sweep(partition: number): Promise<number | null>
  /** @internal */
  ask<C extends GroupCommand>(partition: number, command: C, op: GroupOp<C>): Promise<FinalGroupAnswer<C>>
  /**
   * Reports to the sale that all events up to `position` are stored elsewhere, under the name of a
   * consumer group, which the call creates if it is new. The stream is trimmed behind the positions
   * of all groups, as far as `trim` allows; `null` trims nothing.
   *
   * @returns The oldest event that is left. Each call trims a part: call again while this grows.
   */
  checkpoint(partition: number, group: string, position: number, trim: Trim | null): Promise<number>
  /** The partition's latest sequence that this handle has seen, and its generation. */
  latest(partition: number): { readonly generation: number; readonly sequence: number }
  /** The furthest point of the partition's history that this handle has seen. */
  lastSeen(partition: number): LogOffset | null
  /**
   * Reports a point of the partition's history that was seen elsewhere: this handle counts it as
   * seen from now on.
   */
  advanceTo(partition: number, offset: LogOffset): void
  /** The partition's server time, as far as it is known. */
  serverTime(partition: number): number
  /**
   * Calls the listener whenever this handle has seen the partition's sequence grow. Returns a
   * function that stops it.
   */
  onChange(partition: number, listener: () => void): () => void
}
