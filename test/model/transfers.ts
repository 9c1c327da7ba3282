import type { Answer } from './call.js'
import { type CallOf, expiredIn, notFound, overLimitOf, type Result } from './orders.js'
import { type Known, latest, type Sale, whereNow, withKnown } from './sale.js'

/** Gives a reservation to another buyer, under the id `fresh`. */
export function transfer(
  sale: Sale,
  call: CallOf<'transfer'>,
  now: number,
  request: object,
  fresh: string,
): Result {
  const { id, to, from } = call
  const answered = (answer: Answer): Result => ({ answer, after: sale })
  const known = whereNow(sale, id)
  if (!known) return answered(notFound)
  const reservation = latest(known, now)
  const { state, buyer, items } = reservation
  for (let one = sale.known.get(id)!; ; ) {
    const next = one.movedTo && sale.known.get(one.movedTo.id)!
    if ((one.movedTo?.receiver ?? buyer) === to)
      return answered({ status: 'transferred', reservation, replayed: next?.by !== request })
    if (!next) break
    one = next
  }
  if (from !== null && from !== buyer) return answered(notFound)
  if (state === 'expired')
    return { answer: { status: state, reservation }, after: expiredIn(sale, known, now) }
  if (state === 'released') return answered({ status: 'already_released', reservation })
  // The keys of an order's refunds stay with its record, so it stays too.
  if (state === 'refunded' || known.refunds.size > 0)
    return answered({ status: 'already_refunded', reservation })
  const refusal = overLimitOf(sale, to, items, now)
  if (refusal) return answered(refusal)
  const newId = sale.known.has(fresh) ? `another than ${fresh}` : fresh
  const left: Known = {
    ...known,
    reservation: { ...reservation, state: 'transferred' },
    movedTo: { id: newId, receiver: to },
  }
  const arrived = { ...known, reservation: { ...reservation, id: newId, buyer: to, key: null }, by: request }
  return {
    answer: { status: 'transferred', reservation: arrived.reservation, replayed: false },
    after: withKnown(withKnown(sale, now, reservation.id, left), now, newId, arrived),
  }
}
