import type { RoomAnswer, RoomOp } from '../../engine/room.js'
import type { RankedVisitor } from './ranked-visitor.js'
import { type Room, retry, type Step } from './room-state.js'

export function join(room: Room, { buyer }: RoomOp<'join'>, { now, overdue }: Step): RoomAnswer<'join'> {
  const place = room.find(buyer)
  const ranOut = place !== undefined && hasRunOut(place, now)
  if (place && !ranOut) return placed(place)
  if (overdue) return retry
  room.draw(now)
  room.waiting++
  return placed(place ? room.replace(place, now) : room.place(buyer, now))
}

export function hasRunOut(place: RankedVisitor, now: number): boolean {
  return place.expiresAt !== null && now >= place.expiresAt
}

function placed({ number, visitId, expiresAt }: RankedVisitor): RoomAnswer<'join'> {
  return { status: 'placed', number, visitId, expiresAt }
}

export function leave(room: Room, op: RoomOp<'leave'>, { now, overdue }: Step): RoomAnswer<'leave'> {
  const place = room.findVisit(op.buyer, op.visitId)
  if (overdue) return place ? retry : { status: 'gone' }
  room.moveOn(now)
  if (!place) return { status: 'gone' }
  room.end(place, now)
  return { status: 'left' }
}

export function revoke(
  room: Room,
  { buyer }: RoomOp<'revoke'>,
  { now, overdue }: Step,
): RoomAnswer<'revoke'> {
  const place = room.find(buyer)
  if (overdue) return place ? retry : { status: 'gone' }
  room.moveOn(now)
  if (!place) return { status: 'gone' }
  room.end(place, now)
  return { status: 'revoked' }
}

export function spend(room: Room, op: RoomOp<'spend'>, { now, overdue }: Step): RoomAnswer<'spend'> {
  const place = room.findVisit(op.buyer, op.visitId)
  const valid = place !== undefined && place.expiresAt !== null && now < place.expiresAt
  const unspent = valid && room.outstanding.isUnspent(place)
  if (overdue && unspent) return retry
  if (!overdue) room.moveOn(now)
  // In a room without a sale, no reading will ever include the purchase.
  if (unspent && room.rules.sale !== null) room.outstanding.spend(place, now)
  return { status: valid ? 'spent' : 'gone' }
}
