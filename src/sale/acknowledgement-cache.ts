import type {
  FurtherPayment,
  KeyedRefund,
  Moved,
  MoveOp,
  RecordedReason,
  RefundReason,
  RestockOp,
  SetTotalOp,
  StoredReservation,
} from '../engine/engine.js'
import {
  type Acknowledged,
  isLaterState,
  KeyedRefunds,
  type Known,
  type MovedTo,
  ReservationGeneration,
} from './acknowledged-reservations.js'
import { type Generation, LatestEntries } from './latest-entries.js'

/** The later one of an answer and the known reservation. A payment id that was ever known stays. */
function later(answer: StoredReservation, known: StoredReservation): StoredReservation {
  const latest = isLaterState(answer, known) ? answer : known
  const paymentId = latest.paymentId ?? answer.paymentId ?? known.paymentId
  return paymentId === latest.paymentId ? latest : { ...latest, paymentId }
}

function stateOf({ state, expiresAt, changes }: StoredReservation, now: number): AcknowledgedState {
  if (state === 'confirmed' && changes?.ordered) return 'reduced'
  if (state === 'confirmed' || (state === 'held' && expiresAt > now)) return state
  return 'over'
}

/** What an answer says beside the reservation. */
export interface Noted {
  readonly refundDue?: RecordedReason | null
  readonly restocked?: boolean
  readonly movedTo?: MovedTo
  readonly earlier?: string | undefined
  readonly refund?: KeyedRefund | undefined
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

/** Entries as objects. */
class ObjectGeneration<T> implements Generation<T> {
  readonly #byKey = new Map<string, T>()
  readonly #bytesOf: (value: T) => number
  bytes = 0

  constructor(bytesOf: (value: T) => number) {
    this.#bytesOf = bytesOf
  }

  get size(): number {
    return this.#byKey.size
  }

  get(key: string): T | undefined {
    return this.#byKey.get(key)
  }

  set(key: string, value: T): void {
    this.delete(key)
    this.bytes += this.#bytesOf(value)
    this.#byKey.set(key, value)
  }

  delete(key: string): void {
    const known = this.#byKey.get(key)
    if (known === undefined) return
    this.bytes -= this.#bytesOf(known)
    this.#byKey.delete(key)
  }

  clear(): void {
    this.#byKey.clear()
    this.bytes = 0
  }

  values(): Iterable<T> {
    return this.#byKey.values()
  }
}

/** The approximate size of a payment beside a reservation's own. */
function bytesOfPayment({ paymentId }: FurtherPayment): number {
  return 300 + 2 * paymentId.length
}

function bytesOfMove({ receiver }: MovedTo): number {
  return 300 + 2 * receiver.length
}

/** Everything this handle has acknowledged, to be replayed if the server loses it. */
export class AcknowledgementCache {
  readonly #reservations = new LatestEntries<Known, ReservationGeneration>(() => new ReservationGeneration())
  readonly #payments = new LatestEntries<AcknowledgedPayment, ObjectGeneration<AcknowledgedPayment>>(
    () => new ObjectGeneration(bytesOfPayment),
  )
  /** Where reservations went, by the answers to calls with an old id. */
  readonly #heard = new LatestEntries<MovedTo, ObjectGeneration<MovedTo>>(
    () => new ObjectGeneration(bytesOfMove),
  )
  readonly #restocks = new Map<string, AcknowledgedRestock>()
  readonly #moves = new Map<string, MoveOp>()
  readonly #counts = new Map<string, AcknowledgedCount>()
  #ended = false
  #paused = false
  /**
   * Whether a request to make or change a reservation was answered. A handle that only looks, as a
   * control room does, knows nothing that a recovery has to wait for.
   */
  isSelling = false

  /** How many reservations were dropped for lack of space. */
  get forgotten(): number {
    return this.#reservations.dropped
  }

  /**
   * Answers may arrive out of order: one with an earlier state than the known one changes nothing.
   */
  note(reservation: StoredReservation, rest?: Noted): void {
    const { young, old } = this.#reservations
    if (!rest && young.advance(reservation, old)) this.#reservations.turn()
    else this.#reservations.set(reservation.id, (known) => this.#merged(reservation, rest, known))
  }

  #merged(reservation: StoredReservation, rest: Noted | undefined, known: Known | undefined): Known {
    const refunds = rest?.refund ? (known?.refunds ?? new KeyedRefunds()).with(rest.refund) : known?.refunds
    const latest = known ? later(reservation, known.reservation) : reservation
    if (known) this.#keepPayment(known, latest)
    return {
      reservation: latest,
      refundDue: known?.refundDue ?? rest?.refundDue ?? null,
      restocked: rest?.restocked === true || known?.restocked === true,
      movedTo: rest?.movedTo ?? known?.movedTo,
      earlier: rest?.earlier ?? known?.earlier,
      refunds,
    }
  }

  /** A call has found that any process has transferred the reservation. */
  noteMoved({ id, next, receiver }: Moved): void {
    this.#heard.set(id, () => ({ id: next, receiver }))
  }

  /**
   * A recovery must not make an order of each record of a reservation. But it makes one of the
   * record that is known, if nothing is known of a later one.
   */
  #asMoved(known: Known): Acknowledged {
    if (known.movedTo) return known
    let movedTo = this.#heard.get(known.reservation.id)
    while (movedTo && !this.#reservations.get(movedTo.id)) movedTo = this.#heard.get(movedTo.id)
    return movedTo
      ? { ...known, reservation: { ...known.reservation, state: 'transferred' }, movedTo }
      : known
  }

  /** After a rollback another payment may have become the own one: the first is a further one. */
  #keepPayment({ reservation: { id, paymentId }, refundDue }: Known, latest: StoredReservation): void {
    if (paymentId === null || latest.paymentId === paymentId) return
    const reason = refundDue ?? 'duplicate_payment'
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

  /** The sale was paused, by this process or another one, or takes new reservations. */
  notePaused(isPaused: boolean): void {
    this.#paused = isPaused
  }

  /** Drops everything: the caller has accepted the loss. */
  clear(): void {
    this.#reservations.clear()
    this.#payments.clear()
    this.#heard.clear()
    this.#restocks.clear()
    this.#moves.clear()
    this.#counts.clear()
    this.#ended = false
    this.#paused = false
  }

  get all(): readonly Acknowledged[] {
    return this.#reservations.all.map((known) => this.#asMoved(known))
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

  get state(): 'open' | 'paused' | 'ended' {
    if (this.#ended) return 'ended'
    return this.#paused ? 'paused' : 'open'
  }

  async *reservations(kind: AcknowledgedState, now: number): AsyncGenerator<readonly Acknowledged[]> {
    yield this.all.filter(({ reservation }) => stateOf(reservation, now) === kind)
  }

  async *furtherPayments(): AsyncGenerator<readonly AcknowledgedPayment[]> {
    yield this.#payments.all
  }
}
