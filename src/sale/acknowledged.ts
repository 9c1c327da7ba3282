import type { Op, StoredReservation } from '../engine/engine.js'

/** Reservations and restocks remembered at most: some 30 MB. What is older was acknowledged long before any usual loss. */
const MOST = 100_000

/** How far on a reservation is: nothing goes back by itself. */
const STEPS = { held: 0, expired: 1, released: 2, confirmed: 2, refunded: 3 } as const

function isFurther(a: StoredReservation, b: StoredReservation): boolean {
  const steps = STEPS[a.state] - STEPS[b.state]
  return steps > 0 || (steps === 0 && a.expiresAt >= b.expiresAt)
}

/** What was answered for a reservation last. */
export interface Acknowledged {
  readonly reservation: StoredReservation
  /** `refund_due` was answered: it is never confirmed any more. */
  readonly refundDue: boolean
  /** With `refunded`: whether the units went on sale again. */
  readonly restocked: boolean
}

/** What this process has told its callers, for the day on which the server has forgotten it. */
export class AcknowledgedMemory {
  readonly #reservations = new Map<string, Acknowledged>()
  readonly #restocks = new Map<string, Op<'restock'>>()
  #ended = false
  /** How many were forgotten, for want of room. */
  forgotten = 0

  /** Answers may come out of order: one that is behind what is known changes nothing. */
  note(reservation: StoredReservation, rest: { refundDue?: boolean; restocked?: boolean } = {}): void {
    const known = this.#reservations.get(reservation.id)
    const isNewer = !known || isFurther(reservation, known.reservation)
    // Behind all others again: what changed last is forgotten last.
    this.#reservations.delete(reservation.id)
    this.#reservations.set(reservation.id, {
      reservation: isNewer ? reservation : known.reservation,
      refundDue: rest.refundDue === true || known?.refundDue === true,
      restocked: rest.restocked === true || known?.restocked === true,
    })
    this.#bound(this.#reservations)
  }

  noteRestock(op: Op<'restock'>): void {
    this.#restocks.set(op.key, op)
    this.#bound(this.#restocks)
  }

  noteEnd(): void {
    this.#ended = true
  }

  /** What the server has forgotten is accepted as forgotten. */
  clear(): void {
    this.#reservations.clear()
    this.#restocks.clear()
    this.#ended = false
    this.forgotten = 0
  }

  get reservations(): readonly Acknowledged[] {
    return [...this.#reservations.values()]
  }

  get restocks(): readonly Op<'restock'>[] {
    return [...this.#restocks.values()]
  }

  get ended(): boolean {
    return this.#ended
  }

  #bound(map: Map<string, unknown>): void {
    if (map.size <= MOST) return
    for (const oldest of map.keys()) {
      map.delete(oldest)
      this.forgotten++
      return
    }
  }
}
