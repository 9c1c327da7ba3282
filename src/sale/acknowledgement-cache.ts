import type { RestockOp, StoredReservation } from '../engine/engine.js'

/**
 * So many reservations changed last are remembered at least, and twice as many at most: some 30 MB.
 * What is older was acknowledged long before any usual loss.
 */
const LATEST = 50_000
/**
 * As soon as they take so much memory, it is fewer: carts may have a thousand lines. Bytes; twice
 * as many at most.
 */
const MAX_BYTES = 64 * 2 ** 20

/**
 * What one takes, roughly: the objects, a pair of numbers for each line, and texts of two bytes a
 * character.
 */
function bytesOf({ buyer, key, paymentId, cart }: StoredReservation): number {
  const texts = buyer.length + (key?.length ?? 0) + (paymentId?.length ?? 0)
  return 400 + 80 * cart.length + 2 * texts
}

/** How far on a reservation is: nothing goes back by itself. */
const STEPS = { held: 0, expired: 1, released: 2, confirmed: 2, refunded: 3 } as const

function isLaterState(a: StoredReservation, b: StoredReservation): boolean {
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

function stateOf({ state, expiresAt }: StoredReservation, now: number): AcknowledgedState {
  if (state === 'confirmed' || (state === 'held' && expiresAt > now)) return state
  return 'over'
}

/** A restock that was answered. */
export interface AcknowledgedRestock {
  readonly op: RestockOp
  /** Units it added, or took out (negative). */
  readonly applied: number
}

/** `confirmed` and `held` have units; everything else is `over`. */
export type AcknowledgedState = 'over' | 'confirmed' | 'held'

/** What this process has told its callers, for the day on which the server has forgotten it. */
export class AcknowledgementCache {
  /**
   * Two generations: the older one is dropped as a whole. To delete the first of a large Map again
   * and again is slow.
   */
  #young = new Map<string, Acknowledged>()
  #old = new Map<string, Acknowledged>()
  /** Of the younger ones. */
  #bytes = 0
  readonly #restocks = new Map<string, AcknowledgedRestock>()
  #ended = false
  /** How many were forgotten, for want of room. */
  forgotten = 0

  /** Answers may come out of order: one that is behind what is known changes nothing. */
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

  /** What the server has forgotten is accepted as forgotten. */
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
