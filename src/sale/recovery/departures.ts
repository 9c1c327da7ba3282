import { chunksOf } from '../../common/chunks.js'
import type { StoredReservation } from '../../engine/engine.js'
import type { Acknowledged, MovedTo } from '../acknowledged-reservations.js'
import type { Recover } from './recover.js'

/** A reservation that was transferred, and what is left to do once its new record is restored. */
export interface Departed {
  readonly acknowledged: Acknowledged
  readonly movedTo: MovedTo
  /** The sale has no old record. */
  readonly isMissing: boolean
  /** The old record, if it was paid for by the time it left again. */
  readonly paid: StoredReservation | undefined
}

/**
 * Restores the old record of a reservation that was transferred. If it has survived as it was
 * before, its units become available: the new record is restored by itself, like any reservation.
 * Returns what is left to do after that.
 */
export async function leaveAgain(
  acknowledged: Acknowledged,
  recover: Recover,
): Promise<Departed | undefined> {
  const { reservation, movedTo } = acknowledged
  if (!movedTo) return undefined
  const { id } = reservation
  const before = await recover('get', { id })
  const { status } = await recover('transfer', { id, wish: wishOf(movedTo) })
  const survived = before.status === 'found' && before.reservation.id === id ? before.reservation : undefined
  const paid = survived?.state === 'confirmed' ? survived : undefined
  const isMissing = status === 'not_found'
  return isMissing || paid ? { acknowledged, movedTo, isMissing, paid } : undefined
}

/**
 * A missing record is stored without units, so that its id leads to the new one. A payment that the
 * old record has got since the loss is one of the new record. Returns whether there is the new one:
 * without it, the old one is not restored.
 */
async function completeLeaving(
  { acknowledged: { reservation, earlier }, movedTo, isMissing, paid }: Departed,
  recover: Recover,
): Promise<boolean> {
  const { id } = reservation
  const found = await recover('get', { id: movedTo.id })
  if (found.status !== 'found') return false
  if (isMissing) {
    const wish = { ...wishOf(movedTo), record: reservation, earlier }
    await recover('transfer', { id, wish })
  }
  const op = { id: found.reservation.id, buyer: null, final: true }
  if (paid) await recover('confirm', { ...op, paymentId: paid.paymentId })
  return true
}

/** A wish by which a recovery restores an old record. */
export function wishOf({ id, receiver }: MovedTo) {
  return { receiver, newId: id, from: null }
}

/**
 * Completes what `leaveAgain` has begun, once the new records are restored. Of a reservation that
 * was transferred more than once, the later records come first.
 */
export async function completeDepartures(
  departed: readonly Departed[],
  recover: Recover,
  atOnce: number,
): Promise<void> {
  for (let rest = departed, before = Infinity; rest.length > 0 && rest.length < before; ) {
    before = rest.length
    const waiting: Departed[] = []
    for (const some of chunksOf(rest, atOnce)) {
      const isDone = await Promise.all(some.map((one) => completeLeaving(one, recover)))
      waiting.push(...some.filter((_, i) => !isDone[i]))
    }
    rest = waiting
  }
}
