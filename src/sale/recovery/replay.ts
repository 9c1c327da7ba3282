import { createHash } from 'node:crypto'
import { chunksOf } from '../../common/chunks.js'
import type { FinalAnswer, Op } from '../../engine/engine.js'
import type { Acknowledged, AcknowledgedRestock, AcknowledgedState } from '../acknowledgement-cache.js'

const tuning = {
  /**
   * Reservations put back at a time, one attempt after another: what is over needs its units for a
   * moment, and so many at once may lack them.
   */
  atOnce: [1_000, 125, 15, 1],
}

/**
 * What somebody knows of what was acknowledged: a process of its own answers, a ledger of
 * everything.
 */
export interface RecoverySource {
  readonly restocks: readonly AcknowledgedRestock[]
  readonly state: 'open' | 'paused' | 'ended'
  /**
   * Those of a kind, in batches: `confirmed`, `held` at this time, or `over`, which is everything
   * else.
   *
   * @param now The server's time.
   */
  reservations(kind: AcknowledgedState, now: number): AsyncIterable<readonly Acknowledged[]>
}

/** Sends one command past the freeze, to where it belongs. */
export type Recover = <C extends Recovering>(command: C, op: Op<C>) => Promise<FinalAnswer<C>>
type Recovering = 'reserve' | 'confirm' | 'release' | 'extend' | 'refund' | 'restock' | 'control'

export interface NotRestored {
  readonly acknowledged: Acknowledged
  /**
   * `replaced`: the buyer has made another reservation with the same key since. `expired`: its
   * extension was forgotten, and its time went by.
   */
  readonly reason: 'sold_out' | 'limit_exceeded' | 'replaced' | 'expired'
}

/**
 * Puts back into a frozen sale what was acknowledged: the same requests once more, with the same
 * ids. What survived answers as it is, so this can be repeated at will, and by many processes one
 * after another.
 *
 * What is over comes first: it gives its units back at once, and keys and payments must find it.
 * Then who has paid, before who holds, should there be too few units for all. Units that were taken
 * out come last: they were taken from what was left.
 *
 * @param now The server's time where a reservation is, by its id.
 */
export async function replay(
  testimonies: readonly RecoverySource[],
  recover: Recover,
  now: (id?: string) => number,
  holdMs: number,
): Promise<{ restored: number; refused: NotRestored[] }> {
  const restocks = testimonies.flatMap((testimony) => testimony.restocks)
  for (const restock of restocks) if (restock.op.quantity > 0) await recover('restock', restock.op)
  const restored = new Set<string>()
  const refused = new Map<string, NotRestored>()
  const attempt = async (some: readonly Acknowledged[]): Promise<Acknowledged[]> => {
    const reasons = await Promise.all(some.map((one) => putBack(one, recover, now, holdMs)))
    return some.filter((acknowledged, i) => {
      const { id } = acknowledged.reservation
      const reason = reasons[i]
      if (reason === undefined) {
        restored.add(id)
        refused.delete(id)
        return false
      }
      if (reason !== 'no room') refused.set(id, { acknowledged, reason })
      return reason === 'no room'
    })
  }
  // One moment for all: what expires in between would be of no kind.
  const at = now()
  for (const kind of ['over', 'confirmed', 'held'] as const) {
    for (const testimony of testimonies) {
      for await (const batch of testimony.reservations(kind, at)) {
        let rest = batch
        for (const size of tuning.atOnce) {
          const again: Acknowledged[] = []
          for (const some of chunksOf(rest, size)) again.push(...(await attempt(some)))
          // Not one of them found room: there is none.
          if (again.length === 0 || again.length === rest.length) break
          rest = again
        }
      }
    }
  }
  for (const restock of restocks) if (restock.op.quantity < 0) await takeOut(restock, recover)
  if (testimonies.some(({ state }) => state === 'paused')) await recover('control', { action: 'pause' })
  if (testimonies.some(({ state }) => state === 'ended')) await recover('control', { action: 'end' })
  for (const id of refused.keys()) restored.delete(id)
  return { restored: restored.size, refused: [...refused.values()] }
}

/**
 * There may be more to take out now than there was: the rest is put in again, under a key of its
 * own.
 */
async function takeOut({ op, applied }: AcknowledgedRestock, recover: Recover): Promise<void> {
  const again = await recover('restock', op)
  if (again.status !== 'restocked' || again.applied >= applied) return
  const key = `restored:${createHash('sha256').update(op.key).digest('base64url')}`
  await recover('restock', { sku: op.sku, quantity: applied - again.applied, key, final: true })
}

/**
 * @returns Why not, if it was not: `no room` for one that is over and found no units for its
 *   moment.
 */
async function putBack(
  { reservation, refundDue, restocked }: Acknowledged,
  recover: Recover,
  now: (id: string) => number,
  holdMs: number,
): Promise<NotRestored['reason'] | 'no room' | undefined> {
  const { id, buyer, cart, key, state, expiresAt, paymentId } = reservation
  const left = Math.ceil(expiresAt - now(id))
  const isHeld = state === 'held' && left > 0
  const hasLapsed = !refundDue && (state === 'expired' || (state === 'held' && !isHeld))
  // One whose time was up has no time again: it expires before anybody looks.
  const rest = isHeld ? left : hasLapsed ? Math.min(left, -1) : holdMs
  const held = await recover('reserve', { id, buyer, cart, key, holdMs: rest })
  if (held.status === 'sold_out' || held.status === 'limit_exceeded')
    return isHeld || state === 'confirmed' ? held.status : 'no room'
  if (held.status !== 'reserved' || held.reservation.id !== id) return 'replaced'
  if (refundDue && state !== 'refunded') {
    await recover('release', { id, buyer: null })
    const settled = await recover('confirm', { id, buyer: null, paymentId, final: true })
    // It had expired where its release was forgotten, and found its units: they go back, and the
    // money stays due.
    if (settled.status === 'confirmed') await recover('refund', { id, restock: true })
  } else if (state === 'released') {
    await recover('release', { id, buyer: null })
  } else if (state === 'confirmed' || state === 'refunded') {
    const settled = await recover('confirm', { id, buyer: null, paymentId, final: true })
    if (settled.status === 'refund_due' && settled.reason !== 'refunded') {
      return settled.reason === 'limit_exceeded' ? 'limit_exceeded' : 'sold_out'
    }
    if (state === 'refunded') await recover('refund', { id, restock: restocked })
  } else if (isHeld) {
    // What survived may be from before it was extended.
    if (held.reservation.state === 'expired') return 'expired'
    if (held.reservation.expiresAt >= expiresAt) return undefined
    const extended = await recover('extend', { id, holdMs: Math.max(1, Math.ceil(expiresAt - now(id))) })
    if (extended.status === 'expired') return 'expired'
  }
  return undefined
}
