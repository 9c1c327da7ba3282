import type { Timing } from '../engine/clock.js'
import type { Rules, Settled, StoredReservation } from '../engine/engine.js'
import type { HandoffCommand, HandoffOp, HandoffSettled } from '../engine/groups.js'
import type { Tip } from '../engine/port.js'

/** What a sale shows to those who follow its events. Each call has the sale handle's deadline, and rejects as its methods do. */
export interface EventSource {
  readonly sale: string
  readonly timing: Timing
  /** The rules and the token, learned from the engine if need be. */
  describe(): Promise<{ readonly rules: Rules; readonly token: string }>
  /** A page of events with `sequence > after`, with the reservations they speak of. */
  read(partition: number, after: number): Promise<Settled<'events'>>
  /** A page of all reservations. */
  scan(partition: number, cursor: string): Promise<Settled<'scan'>>
  /** One reservation as it is now. */
  reservation(partition: number, id: string): Promise<StoredReservation | undefined>
  /**
   * Sweeps, and answers when to look again. Rejects with ROLLBACK_DETECTED while the partition is frozen, and freezes it
   * if it has forgotten what this handle has seen.
   */
  sweep(partition: number): Promise<number | null>
  ask<C extends HandoffCommand>(partition: number, command: C, op: HandoffOp<C>): Promise<HandoffSettled<C>>
  /** The partition's latest sequence, as far as this handle has seen, and the line it is of. */
  latest(partition: number): { readonly line: number; readonly sequence: number }
  /** The furthest point of the partition's history that this handle has seen. */
  tip(partition: number): Tip | null
  /** Somebody has seen this point of the partition's history: from now on this handle knows of it, too. */
  witness(partition: number, tip: Tip): void
  /** The partition's server time, as far as it is known. */
  serverNow(partition: number): number
  /** Calls back whenever this handle has seen the partition's sequence grow, until what it returns is called. */
  onChange(partition: number, listener: () => void): () => void
}
