import type { Clock } from '../engine/clock.js'
import type { FinalGroupAnswer, GroupCommand, GroupOp, Trim } from '../engine/groups.js'
import type { LogOffset } from '../engine/port.js'
import type { EventPage, ReservationPage, Rules, StoredReservation } from '../engine/records.js'

/**
 * What a sale shows to consumers and ledgers that follow its events. Each call has the deadline of
 * the sale's handle, and rejects as the handle's methods do.
 */
export interface EventSource {
  readonly sale: string
  readonly clock: Clock
  /** The rules and the token, learned from the engine if need be. */
  describe(): Promise<{ readonly rules: Rules; readonly incarnation: string }>
  /** A page of events with `sequence > after`, with the reservations they speak of. */
  read(partition: number, after: number): Promise<EventPage>
  /** A page of all reservations. */
  scan(partition: number, cursor: string): Promise<ReservationPage>
  /** One reservation as it is now. */
  reservation(partition: number, id: string): Promise<StoredReservation | undefined>
  /**
   * Sweeps, and answers when to look again. Rejects with ROLLBACK_DETECTED while the partition is
   * frozen, and freezes it if it has forgotten what this handle has seen.
   */
  sweep(partition: number): Promise<number | null>
  /** @internal */
  ask<C extends GroupCommand>(partition: number, command: C, op: GroupOp<C>): Promise<FinalGroupAnswer<C>>
  /**
   * Tells the sale that everything up to this sequence is kept elsewhere, under the name of a
   * consumer group that the call makes if it is new. Behind the positions of all groups the stream
   * is trimmed, as far as `trim` allows it; `null` trims nothing.
   *
   * @returns The oldest event that is left. Each call trims a part: call again while that grows.
   */
  checkpoint(partition: number, group: string, position: number, trim: Trim | null): Promise<number>
  /** The partition's latest sequence, as far as this handle has seen, and the line it is of. */
  latest(partition: number): { readonly generation: number; readonly sequence: number }
  /** The furthest point of the partition's history that this handle has seen. */
  lastSeen(partition: number): LogOffset | null
  /**
   * Somebody has seen this point of the partition's history: from now on this handle knows of it,
   * too.
   */
  advanceTo(partition: number, offset: LogOffset): void
  /** The partition's server time, as far as it is known. */
  serverTime(partition: number): number
  /**
   * Calls back whenever this handle has seen the partition's sequence grow, until what it returns
   * is called.
   */
  onChange(partition: number, listener: () => void): () => void
}
