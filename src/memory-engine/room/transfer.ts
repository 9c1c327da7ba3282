import type { RoomAnswer, RoomOp } from '../../engine/room.js'
import { hasRunOut } from './join-and-leave.js'
import type { RankedVisitor } from './ranked-visitor.js'
import { type Room, retry, type Step } from './room-state.js'

type Answer = RoomAnswer<'transfer'>

export function transfer(room: Room, op: RoomOp<'transfer'>, { now, overdue }: Step): Answer {
  if (!overdue) room.moveOn(now)
  const { buyer, visitId, to } = op
  const visitor = room.findVisit(buyer, visitId)
  if (!visitor) return again(room, op)
  if (buyer === to) return transferred(visitor)
  if (room.blocked.has(to)) return { status: 'blocked' }
  const own = room.find(to)
  const keepsOwn = own !== undefined && isBetter(own, visitor, op, now)
  if (keepsOwn === 'compare') return { status: 'compare', number: visitor.number, own: own!.number }
  if (overdue) return retry
  if (own) room.end(keepsOwn ? visitor : own, now)
  if (!keepsOwn) room.move(visitor, to, now)
  const place = room.find(to)!
  room.transferred.set(buyer, { visitId, to, as: place.visitId })
  return transferred(place)
}

/** The visit is over: perhaps because it was transferred before. */
function again(room: Room, { buyer, visitId, to }: RoomOp<'transfer'>): Answer {
  const known = room.transferred.get(buyer)
  if (known?.visitId !== visitId || known.to !== to) return { status: 'gone' }
  const place = room.findVisit(to, known.as)
  return place ? transferred(place) : { status: 'gone' }
}

function isBetter(
  own: RankedVisitor,
  visitor: RankedVisitor,
  { compared }: RoomOp<'transfer'>,
  now: number,
): boolean | 'compare' {
  const [mine, theirs] = [worth(own, now), worth(visitor, now)]
  if (mine !== theirs || own.expiresAt !== null) return mine >= theirs
  const isCompared = compared?.number === visitor.number && compared.own === own.number
  return isCompared ? compared.ownIsFirst : 'compare'
}

/** 2: a pass; 1: a place in the queue; 0: a pass that has run out. */
function worth(visitor: RankedVisitor, now: number): number {
  if (visitor.expiresAt === null) return 1
  return hasRunOut(visitor, now) ? 0 : 2
}

function transferred({ number, visitId, expiresAt }: RankedVisitor): Answer {
  return { status: 'transferred', number, visitId, expiresAt }
}
