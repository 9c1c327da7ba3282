import type { RoomAnswer, RoomOp } from '../../engine/room.js'
import type { RankedVisitor } from './ranked-visitor.js'
import { type Room, retry, type Step } from './room-state.js'

export function join(
  room: Room,
  { buyer, tier = null }: RoomOp<'join'>,
  { now, overdue }: Step,
): RoomAnswer<'join'> {
  const wanted = room.tiers.named(tier)
  if (!wanted) return { status: 'unknown_tier' }
  if (room.blocked.has(buyer)) return { status: 'blocked' }
  const visitor = room.find(buyer)
  const ranOut = visitor !== undefined && hasRunOut(visitor, now)
  const rises = visitor !== undefined && room.mayRise(visitor, wanted)
  if (visitor && !ranOut && !rises) return joined(visitor)
  if (overdue) return retry
  room.draw(now)
  if (!visitor) return joined(room.join(buyer, wanted.index, now))
  if (rises) return joined(room.rise(visitor, wanted, now))
  return joined(room.replace(visitor, now, room.tiers.better(visitor.number, wanted).index))
}

export function hasRunOut(visitor: RankedVisitor, now: number): boolean {
  return visitor.expiresAt !== null && now >= visitor.expiresAt
}

function joined({ number, visitId, expiresAt }: RankedVisitor): RoomAnswer<'join'> {
  return { status: 'placed', number, visitId, expiresAt }
}

export function leave(room: Room, op: RoomOp<'leave'>, { now, overdue }: Step): RoomAnswer<'leave'> {
  const visitor = room.findVisit(op.buyer, op.visitId)
  if (overdue) return visitor ? retry : { status: 'gone' }
  room.moveOn(now)
  if (!visitor) return { status: 'gone' }
  room.end(visitor, now)
  return { status: 'left' }
}

export function revoke(
  room: Room,
  { buyer }: RoomOp<'revoke'>,
  { now, overdue }: Step,
): RoomAnswer<'revoke'> {
  const visitor = room.find(buyer)
  if (overdue) return visitor ? retry : { status: 'gone' }
  room.moveOn(now)
  if (!visitor) return { status: 'gone' }
  room.end(visitor, now)
  return { status: 'revoked' }
}

export function block(
  room: Room,
  { buyer, blocked }: RoomOp<'block'>,
  { now, overdue }: Step,
): RoomAnswer<'block'> {
  const isSame = room.blocked.has(buyer) === blocked
  if (overdue) return isSame ? { status: 'unchanged' } : retry
  room.moveOn(now)
  if (isSame) return { status: 'unchanged' }
  if (!blocked) room.blocked.delete(buyer)
  else {
    room.blocked.add(buyer)
    const visitor = room.find(buyer)
    if (visitor) room.end(visitor, now)
  }
  return { status: 'changed' }
}

export function spend(room: Room, op: RoomOp<'spend'>, { now, overdue }: Step): RoomAnswer<'spend'> {
  const visitor = room.findVisit(op.buyer, op.visitId)
  const valid = visitor !== undefined && visitor.expiresAt !== null && now < visitor.expiresAt
  const unspent = valid && room.outstanding.isUnspent(visitor)
  if (overdue && unspent) return retry
  if (!overdue) room.moveOn(now)
  // In a room without a sale, no reading will ever include the purchase.
  if (unspent && room.rules.sale !== null) room.outstanding.spend(visitor, now)
  return { status: valid ? 'spent' : 'gone' }
}
