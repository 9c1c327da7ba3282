import type {
  FurtherPayment,
  KeyedRefund,
  MoveOp,
  RecordedReason,
  RefundReason,
  RestockOp,
  SetTotalOp,
  StoredReservation,
} from '../engine/engine.js'

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
function bytesOf({ buyer, key, paymentId, cart, changes }: StoredReservation): number {
  const texts = buyer.length + (key?.length ?? 0) + (paymentId?.length ?? 0)
  const lines = cart.length + (changes?.first.length ?? 0) + (changes?.ordered?.cart.length ?? 0)
  return 400 + 80 * lines + 2 * texts
}

/** The refunds of one order that had a key, and their approximate size. */
class KeyedRefunds implements Iterable<KeyedRefund> {
  readonly #byKey = new Map<string, KeyedRefund>()
  bytes = 0

  with(refund: KeyedRefund): this {
    if (this.#byKey.has(refund.key)) return this
    this.#byKey.set(refund.key, refund)
    this.bytes += 300 + 80 * (refund.cart?.length ?? 0) + 2 * refund.key.length
    return this
  }

  [Symbol.iterator](): Iterator<KeyedRefund> {
    return this.#byKey.values()
  }
}

/** The approximate size of a payment beside a reservation's own. */
function bytesOfPayment({ paymentId }: FurtherPayment): number {
  return 300 + 2 * paymentId.length
}

/** The order of the states: a reservation never returns to an earlier one. */
const STEPS = { held: 0, expired: 1, released: 2, confirmed: 2, refunded: 3, transferred: 3 } as const

function isLaterState(a: StoredReservation, b: StoredReservation): boolean {
  const steps = STEPS[a.state] - STEPS[b.state]
  if (steps !== 0) return steps > 0
  const changes = (a.changes?.count ?? 0) - (b.changes?.count ?? 0)
  return changes > 0 || (changes === 0 && a.expiresAt >= b.expiresAt)
}

/** The later one of an answer and the known reservation. A payment id that was ever known stays. */
function later(answer: StoredReservation, known: StoredReservation): StoredReservation {
  const latest = isLaterState(answer, known) ? answer : known
  const paymentId = latest.paymentId ?? answer.paymentId ?? known.paymentId
  return paymentId === latest.paymentId ? latest : { ...latest, paymentId }
}

/** The latest acknowledged state of a reservation. */
export interface Acknowledged {
  readonly reservation: StoredReservation
  /** `refund_due` was returned for the reservation's own payment: it can never be confirmed. */
  readonly refundDue: RecordedReason | null
  /** With `refunded`: whether the last units went on sale again. */
  readonly restocked: boolean
  /** The refunds that had a key. */
  readonly refunds?: Iterable<KeyedRefund> | undefined
  /** With `transferred`: the buyer to whom it went, and its id there. */
  readonly movedTo?: MovedTo | undefined
  /** The id of the record that was transferred to it. */
  readonly earlier?: string | undefined
}

/** Where a reservation went that was transferred. */
export interface MovedTo {
  readonly id: string
  readonly receiver: string
}

/** An entry of the cache. */
interface Known extends Acknowledged {
  readonly refunds?: KeyedRefunds | undefined
}

function stateOf({ state, expiresAt, changes }: StoredReservation, now: number): AcknowledgedState {
  if (state === 'confirmed' && changes?.ordered) return 'reduced'
  if (state === 'confirmed' || (state === 'held' && expiresAt > now)) return state
  return 'over'
}

/** A payment beside a reservation's own that was told `refund_due`. */
export interface AcknowledgedPayment extends FurtherPayment {
  /** A later id of the reservation, if it was transferred. */
  readonly laterId?: string | undefined
}

/** An acknowledged restock. */
export interface AcknowledgedRestock {
  readonly op: RestockOp
  /** Units added, or removed (negative). */
  readonly applied: number
}

/** An acknowledged stock count. */
export type AcknowledgedCount = SetTotalOp & { readonly counted: NonNullable<SetTotalOp['counted']> }

/**
 * `reduced`, `confirmed` and `held` reservations have units; all others are `over`. `reduced`:
 * confirmed, and parts of it were refunded.
 */
export type AcknowledgedState = 'over' | 'reduced' | 'confirmed' | 'held'

/**
 * The latest entries by key. Two maps: the older one is dropped as a whole, since repeatedly
 * deleting the first entry of a large Map is slow.
 */
class LatestEntries<T> {
  readonly #bytesOf: (value: T) => number
  #young = new Map<string, T>()
  #old = new Map<string, T>()
  /** The size of the younger map. */
  #bytes = 0
  /** How many entries were dropped for lack of space. */
  dropped = 0

  constructor(bytesOf: (value: T) => number) {
    this.#bytesOf = bytesOf
  }

  /** @param change What becomes of the entry that is known. It may change it in place. */
  set(key: string, change: (known: T | undefined) => T): void {
    const young = this.#young.get(key)
    this.#bytes -= young ? this.#bytesOf(young) : 0
    const value = change(young ?? this.#old.get(key))
    if (!young) this.#old.delete(key)
    this.#bytes += this.#bytesOf(value)
    this.#young.set(key, value)
    if (this.#young.size < LATEST && this.#bytes < MAX_BYTES) return
    this.dropped += this.#old.size
    this.#old = this.#young
    this.#young = new Map()
    this.#bytes = 0
  }

  clear(): void {
    this.#young.clear()
    this.#old.clear()
    this.#bytes = 0
    this.dropped = 0
  }

  get all(): T[] {
    return [...this.#old.values(), ...this.#young.values()]
  }
}

/** Everything this handle has acknowledged, to be replayed if the server loses it. */
export class AcknowledgementCache {
  readonly #reservations = new LatestEntries<Known>(
    ({ reservation, refunds }) => bytesOf(reservation) + (refunds?.bytes ?? 0),
  )
  readonly #payments = new LatestEntries<AcknowledgedPayment>(bytesOfPayment)
  readonly #restocks = new Map<string, AcknowledgedRestock>()
  readonly #moves = new Map<string, MoveOp>()
  readonly #counts = new Map<string, AcknowledgedCount>()
  #ended = false

  /** How many reservations were dropped for lack of space. */
  get forgotten(): number {
    return this.#reservations.dropped
  }

  /**
   * Answers may arrive out of order: one with an earlier state than the known one changes nothing.
   */
  note(
    reservation: StoredReservation,
    rest: {
      refundDue?: RecordedReason | null
      restocked?: boolean
      movedTo?: MovedTo
      earlier?: string | undefined
      refund?: KeyedRefund | undefined
    } = {},
  ): void {
    this.#reservations.set(reservation.id, (known) => {
      const refunds = rest.refund ? (known?.refunds ?? new KeyedRefunds()).with(rest.refund) : known?.refunds
      const latest = known ? later(reservation, known.reservation) : reservation
      if (known) this.#keepPayment(known, latest)
      return {
        reservation: latest,
        refundDue: known?.refundDue ?? rest.refundDue ?? null,
        restocked: rest.restocked === true || known?.restocked === true,
        movedTo: rest.movedTo ?? known?.movedTo,
        earlier: rest.earlier ?? known?.earlier,
        ...(refunds && { refunds }),
      }
    })
  }

  /** After a rollback another payment may have become the own one of a hold that is over. */
  #keepPayment(
    { reservation: { id, paymentId }, refundDue: reason }: Known,
    latest: StoredReservation,
  ): void {
    if (paymentId === null || reason === null || latest.paymentId === paymentId) return
    this.#payments.set(id + paymentId, () => ({ id, paymentId, reason }))
  }

  /**
   * Notes that `refund_due` was answered to a payment.
   *
   * @param paymentId As it was given.
   * @param id Under which the payment is recorded, if the reservation was transferred since.
   */
  noteRefundDue(
    reservation: StoredReservation,
    paymentId: string | null,
    reason: RefundReason,
    id = reservation.id,
  ): void {
    const { state } = reservation
    const isOver = state === 'expired' || state === 'released'
    // A duplicate says nothing of the reservation.
    const isOwn = isOver && reason !== 'duplicate_payment' && reason !== 'refunded'
    this.note(reservation, { refundDue: isOwn ? reason : null })
    if (paymentId !== null && paymentId !== reservation.paymentId && reason !== 'refunded')
      this.#payments.set(id + paymentId, () =>
        id === reservation.id
          ? { id, paymentId, reason }
          : { id, paymentId, reason, laterId: reservation.id },
      )
  }

  noteRestock(op: RestockOp, applied: number): void {
    this.#restocks.set(op.key, { op, applied })
  }

  /** `atMost` of the operation is what was moved. */
  noteMove(op: MoveOp): void {
    this.#moves.set(op.key, op)
  }

  noteCount(op: AcknowledgedCount): void {
    this.#counts.set(op.key, op)
  }

  noteEnd(): void {
    this.#ended = true
  }

  /** Drops everything: the caller has accepted the loss. */
  clear(): void {
    this.#reservations.clear()
    this.#payments.clear()
    this.#restocks.clear()
    this.#moves.clear()
    this.#counts.clear()
    this.#ended = false
  }

  get all(): readonly Acknowledged[] {
    return this.#reservations.all
  }

  get restocks(): readonly AcknowledgedRestock[] {
    return [...this.#restocks.values()]
  }

  get moves(): readonly MoveOp[] {
    return [...this.#moves.values()]
  }

  get counts(): readonly AcknowledgedCount[] {
    return [...this.#counts.values()]
  }

  get state(): 'open' | 'ended' {
    return this.#ended ? 'ended' : 'open'
  }

  async *reservations(kind: AcknowledgedState, now: number): AsyncGenerator<readonly Acknowledged[]> {
    yield this.all.filter(({ reservation }) => stateOf(reservation, now) === kind)
  }

  async *furtherPayments(): AsyncGenerator<readonly AcknowledgedPayment[]> {
    yield this.#payments.all
  }
}
