import { tailHash } from '../common/tail-hash.js'
import type {
  CartChanges,
  KeyedRefund,
  RecordedReason,
  StoredReservation,
  TransferOrigin,
} from '../engine/engine.js'
import { AcknowledgedTable } from './acknowledged-table.js'
import type { Generation } from './latest-entries.js'

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

/** The order of the states: a reservation never returns to an earlier one. */
const STEPS = { held: 0, expired: 1, released: 2, confirmed: 2, refunded: 3, transferred: 3 } as const

type Progress = Pick<StoredReservation, 'state' | 'expiresAt' | 'changes'>

export function isLaterState(a: Progress, b: Progress): boolean {
  const steps = STEPS[a.state] - STEPS[b.state]
  if (steps !== 0) return steps > 0
  const changes = (a.changes?.count ?? 0) - (b.changes?.count ?? 0)
  return changes > 0 || (changes === 0 && a.expiresAt >= b.expiresAt)
}

/** The refunds of one order that had a key, and their approximate size. */
export class KeyedRefunds implements Iterable<KeyedRefund> {
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

/** An entry of the cache. */
export interface Known extends Acknowledged {
  readonly refunds?: KeyedRefunds | undefined
}

/** What few reservations have beside the usual. */
interface Extras extends Omit<Known, 'reservation'> {
  readonly changes: CartChanges | undefined
  readonly origin: TransferOrigin | undefined
}

/** Refunds are added in place: the size is as of when the extras were stored. */
interface StoredExtras {
  readonly extras: Extras
  readonly bytes: number
}

function extrasOf(known: Known): Extras | undefined {
  const { reservation, refundDue, restocked, refunds, movedTo, earlier } = known
  const { changes, origin } = reservation
  const hasNothing = !refundDue && !restocked && !refunds && !movedTo && earlier === undefined
  const isUsual = !changes && !origin && hasNothing
  return isUsual ? undefined : { changes, origin, refundDue, restocked, refunds, movedTo, earlier }
}

/** Their approximate size: objects, a pair of numbers for each line, and texts. */
function bytesOfExtras({ changes, refunds }: Extras): number {
  const lines = (changes?.first.length ?? 0) + (changes?.ordered?.cart.length ?? 0)
  return 400 + 80 * lines + (refunds?.bytes ?? 0)
}

const USUAL = { refundDue: null, restocked: false, movedTo: undefined, earlier: undefined } as const

/** Reservations as bytes, and what few of them have beside as objects. */
export class ReservationGeneration implements Generation<Known> {
  readonly #table = new AcknowledgedTable()
  /** By the number of the entry. */
  readonly #extras = new Map<number, StoredExtras>()
  #extraBytes = 0

  get size(): number {
    return this.#table.size
  }

  get bytes(): number {
    return this.#table.bytes + this.#extraBytes
  }

  get(id: string): Known | undefined {
    const entry = this.#table.find(id)
    return entry < 0 ? undefined : this.#at(entry)
  }

  set(id: string, known: Known): void {
    const { reservation } = known
    const before = this.#table.find(id)
    if (before >= 0) {
      this.#table.replace(before, reservation)
      this.#dropExtras(before)
    }
    const entry = before < 0 ? this.#table.add(reservation) : before
    const extras = extrasOf(known)
    if (!extras) return
    const bytes = bytesOfExtras(extras)
    this.#extras.set(entry, { extras, bytes })
    this.#extraBytes += bytes
  }

  /**
   * Stores a reservation with nothing beside it that is new, or in a later state: the usual case,
   * for which no bytes are read. `false`: nothing was stored.
   *
   * @param older The generation in which it may be, too.
   */
  advance(reservation: StoredReservation, older: ReservationGeneration): boolean {
    if (reservation.changes || reservation.origin) return false
    const hash = tailHash(reservation.id)
    const entry = this.#table.find(reservation.id, hash)
    if (entry < 0) {
      if (older.#table.find(reservation.id, hash) >= 0) return false
      this.#table.add(reservation, hash)
      return true
    }
    if (this.#extras.has(entry)) return false
    const { state, expiresAt, isPaid } = this.#table.progressOf(entry)
    // Another payment than the known one may be the own one since a rollback.
    if (isPaid || !isLaterState(reservation, { state, expiresAt })) return false
    this.#table.replace(entry, reservation)
    return true
  }

  delete(id: string): void {
    const entry = this.#table.find(id)
    this.#table.remove(entry)
    this.#dropExtras(entry)
  }

  clear(): void {
    this.#table.clear()
    this.#extras.clear()
    this.#extraBytes = 0
  }

  *values(): Generator<Known, void, undefined> {
    for (const entry of this.#table.entries()) yield this.#at(entry)
  }

  #at(entry: number): Known {
    const reservation = this.#table.at(entry)
    const stored = this.#extras.get(entry)
    if (!stored) return { reservation, ...USUAL }
    const { changes, origin, ...rest } = stored.extras
    const beside = { ...(changes && { changes }), ...(origin && { origin }) }
    return { reservation: { ...reservation, ...beside }, ...rest }
  }

  #dropExtras(entry: number): void {
    this.#extraBytes -= this.#extras.get(entry)?.bytes ?? 0
    this.#extras.delete(entry)
  }
}
