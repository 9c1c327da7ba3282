import type { Commands, Op, Settled } from '../engine/engine.js'
import type { Acknowledged, AcknowledgedMemory } from './acknowledged.js'

/** Reservations put back at a time. */
const AT_ONCE = 1_000

/** Sends one command past the freeze. */
export type Recover = <C extends keyof Commands>(command: C, op: Op<C>) => Promise<Settled<C>>

export interface NotRestored {
  readonly acknowledged: Acknowledged
  /** `replaced`: the buyer has made another reservation with the same key since. */
  readonly reason: 'sold_out' | 'limit_exceeded' | 'replaced'
}

/**
 * Puts back into a frozen sale what was acknowledged: the same requests once more, with the same ids. What survived answers
 * as it is, so this can be repeated at will, and by many processes one after another.
 *
 * @param now The server's time.
 */
export async function replay(
  memory: AcknowledgedMemory,
  recover: Recover,
  now: () => number,
  holdMs: number,
): Promise<{ restored: number; refused: NotRestored[] }> {
  for (const restock of memory.restocks) await recover('restock', restock)
  // Who has paid comes first, should there be too few units for all.
  const all = [...memory.reservations].sort((a, b) => rank(a) - rank(b))
  const refused: NotRestored[] = []
  for (let first = 0; first < all.length; first += AT_ONCE) {
    const some = all.slice(first, first + AT_ONCE)
    const reasons = await Promise.all(some.map((one) => putBack(one, recover, now, holdMs)))
    for (const [i, reason] of reasons.entries()) {
      if (reason !== undefined) refused.push({ acknowledged: some[i]!, reason })
    }
  }
  if (memory.ended) await recover('control', { action: 'end' })
  return { restored: all.length - refused.length, refused }
}

function rank({ reservation }: Acknowledged): number {
  return reservation.state === 'confirmed' ? 0 : reservation.state === 'held' ? 1 : 2
}

async function putBack(
  { reservation, refundDue, restocked }: Acknowledged,
  recover: Recover,
  now: () => number,
  holdMs: number,
): Promise<NotRestored['reason'] | undefined> {
  const { id, buyer, cart, key, state, expiresAt, paymentId } = reservation
  if (state === 'released' && !refundDue) {
    await recover('release', { id, buyer: null })
    return undefined
  }
  const isHeld = state === 'held' && expiresAt > now()
  const hasUnits = isHeld || state === 'confirmed'
  // One whose time is up lapses at once; but it should be known when its payment arrives.
  const isOver = !hasUnits && (state === 'held' || state === 'expired') && !refundDue
  const rest = isHeld ? Math.ceil(expiresAt - now()) : isOver ? 1 : holdMs
  const held = await recover('reserve', { id, buyer, cart, key, holdMs: rest })
  if (held.status === 'sold_out' || held.status === 'limit_exceeded')
    return hasUnits ? held.status : undefined
  if (held.status !== 'reserved' || held.reservation.id !== id) return 'replaced'
  if (refundDue && state !== 'refunded') {
    await recover('release', { id, buyer: null })
    await recover('confirm', { id, buyer: null, paymentId })
  } else if (state === 'confirmed' || state === 'refunded') {
    const settled = await recover('confirm', { id, buyer: null, paymentId })
    if (settled.status === 'refund_due' && settled.reason !== 'refunded') {
      return settled.reason === 'limit_exceeded' ? 'limit_exceeded' : 'sold_out'
    }
    if (state === 'refunded') await recover('refund', { id, restock: restocked })
  }
  return undefined
}
