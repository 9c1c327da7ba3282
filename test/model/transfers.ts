import type { Answer } from './call.js'
import { overLimitOf } from './limits.js'
import { type CallOf, expiredIn, notFound, type Result } from './orders.js'
import { changed, type Known, latest, type Sale, whereNow, withKnown } from './sale.js'

/** Gives a reservation to another buyer, under the id `fresh`. */
export function transfer(
  before: Sale,
  call: CallOf<'transfer'>,
  now: number,
  request: object,
  fresh: string,
): Result {
  const { id, to, from } = call
  let sale = before
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
  // Who has no household yet is of that of the reservation from now on.
  const household = sale.households.get(to) ?? reservation.household
  if (household !== undefined && !sale.households.has(to))
    sale = changed(sale, now, { households: new Map(sale.households).set(to, household) })
  if (state === 'expired')
    return { answer: { status: state, reservation }, after: expiredIn(sale, known, now) }
  if (state === 'released') return answered({ status: 'already_released', reservation })
  // The keys of an order's refunds stay with its record, so it stays too.
  if (state === 'refunded' || known.refunds.size > 0)
    return answered({ status: 'already_refunded', reservation })
  const counted = household === reservation.household ? undefined : household
  const refusal = overLimitOf(sale, { buyer: to, household: counted }, items, now)
  if (refusal) return answered(refusal)
  let newId = fresh
  while (sale.known.has(newId)) newId = `another than ${newId}`
  const left: Known = {
    ...known,
    reservation: { ...reservation, state: 'transferred' },
    movedTo: { id: newId, receiver: to },
  }
  const received = { id: newId, buyer: to, ...(household !== undefined && { household }), key: null }
  const arrived = { ...known, reservation: { ...reservation, ...received }, by: request }
  return {
    answer: { status: 'transferred', reservation: arrived.reservation, replayed: false },
    after: withKnown(withKnown(sale, now, reservation.id, left), now, newId, arrived),
  }
}
