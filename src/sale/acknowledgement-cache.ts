import type { RestockOp, StoredReservation } from '../engine/engine.js'

/**
 * The cache keeps at least this many of the reservations that changed last, and at most twice as
 * many: about 30 MB. Older ones were acknowledged long before any usual loss.
 */
const LATEST = 50_000
/**
 * The cache keeps fewer reservations if they take this many bytes, since carts may have a thousand
 * lines. It uses at most twice as many bytes.
 */
const MAX_BYTES = 64 * 2 ** 20

/**
 * The approximate size of a reservation: the objects, a pair of numbers for each line, and strings
 * of two bytes a character.
 */
function bytesOf({ buyer, key, paymentId, cart }: StoredReservation): number {
  const texts = buyer.length + (key?.length ?? 0) + (paymentId?.length ?? 0)
  return 400 + 80 * cart.length + 2 * texts
}

/** The order of the states: a reservation never returns to an earlier one. */
const STEPS = { held: 0, expired: 1, released: 2, confirmed: 2, refunded: 3 } as const

function isLaterState(a: StoredReservation, b: StoredReservation): boolean {
  const steps = STEPS[a.state] - STEPS[b.state]
  return steps > 0 || (steps === 0 && a.expiresAt >= b.expiresAt)
}

/** The latest acknowledged state of a reservation. */
export interface Acknowledged {
  readonly reservation: StoredReservation
  /** `refund_due` was returned: the reservation can never be confirmed. */
  readonly refundDue: boolean
  /** With `refunded`: whether the units went on sale again. */
  readonly restocked: boolean
}

function stateOf({ state, expiresAt }: StoredReservation, now: number): AcknowledgedState {
  if (state === 'confirmed' || (state === 'held' && expiresAt > now)) return state
  return 'over'
}

/** An acknowledged restock. */
export interface AcknowledgedRestock {
  readonly op: RestockOp
  /** Units added, or removed (negative). */
  readonly applied: number
}

/** `confirmed` and `held` reservations have units; all others are `over`. */
export type AcknowledgedState = 'over' | 'confirmed' | 'held'

/** Everything this handle has acknowledged, to be replayed if the server loses it. */
export class AcknowledgementCache {
  /**
   * Two maps: the older one is dropped as a whole, since repeatedly deleting the first entry of a
   * large Map is slow.
   */
  #young = new Map<string, Acknowledged>()
  #old = new Map<string, Acknowledged>()
  /** The size of the younger map. */
  #bytes = 0
  readonly #restocks = new Map<string, AcknowledgedRestock>()
  #ended = false
  /** How many reservations were dropped for lack of space. */
  forgotten = 0

  /**
   * Answers may arrive out of order: one with an earlier state than the known one changes nothing.
   */
  note(reservation: StoredReservation, rest: { refundDue?: boolean; restocked?: boolean } = {}): void {
    const { id } = reservation
    const young = this.#young.get(id)
    const known = young ?? this.#old.get(id)
    const latest = !known || isLaterState(reservation, known.reservation) ? reservation : known.reservation
    if (known) this.#old.delete(id)
    this.#bytes += bytesOf(latest) - (young ? bytesOf(young.reservation) : 0)
    this.#young.set(id, {
      reservation: latest,
      refundDue: rest.refundDue === true || known?.refundDue === true,
      restocked: rest.restocked === true || known?.restocked === true,
    })
    if (this.#young.size < LATEST && this.#bytes < MAX_BYTES) return
    this.forgotten += this.#old.size
    this.#old = this.#young
    this.#young = new Map()
    this.#bytes = 0
  }

  noteRestock(op: RestockOp, applied: number): void {
    this.#restocks.set(op.key, { op, applied })
  }

  noteEnd(): void {
    this.#ended = true
  }

  /** Drops everything: the caller has accepted the loss. */
  clear(): void {
    this.#young.clear()
    this.#old.clear()
    this.#bytes = 0
    this.#restocks.clear()
    this.#ended = false
    this.forgotten = 0
  }

  get all(): readonly Acknowledged[] {
    return [...this.#old.values(), ...this.#young.values()]
  }

  get restocks(): readonly AcknowledgedRestock[] {
    return [...this.#restocks.values()]
  }

  get state(): 'open' | 'ended' {
    return this.#ended ? 'ended' : 'open'
  }

  async *reservations(kind: AcknowledgedState, now: number): AsyncGenerator<readonly Acknowledged[]> {
    yield this.all.filter(({ reservation }) => stateOf(reservation, now) === kind)
  }
}
