import type { RoomAnswer, RoomOp, Visit, VisitAnswer } from '../../room.js'
import { hasRunOut } from './joining.js'
import type { Place } from './place.js'
import type { Room, Step } from './room-state.js'

export function tend(room: Room, op: RoomOp<'tend'>, { now, overdue }: Step): RoomAnswer<'tend'> {
  if (overdue) {
    const visitors = op.visits.map(({ buyer, stay }) => room.findStay(buyer, stay))
    return { ...stateOf(room, op, now), visits: visitors.map((place) => answer(room, place, now)) }
  }
  if (op.stock) room.read(op.stock)
  room.moveOn(now)
  const visitors = op.visits.map((visit) => register(room, visit, now))
  if (room.tended(now)) {
    letIn(room, now)
    for (const place of visitors) if (place && room.outstanding.hasTurn(place)) room.admit(place, now)
  }
  const visits = visitors.map((place) => answer(room, place, now))
  return { ...stateOf(room, op, now), visits }
}

/** Notes that somebody is here; answers their place, which may be another from now on. */
function register(room: Room, visit: Visit, now: number): Place | undefined {
  const { presence, line } = room
  const place = room.findStay(visit.buyer, visit.stay)
  if (!place) return undefined
  if (hasRunOut(place, now)) {
    room.waiting++
    return room.replace(place, now)
  }
  const elsewhere = place.number !== visit.number
  if (place.expiresAt !== null || elsewhere || room.outstanding.hasTurn(place)) return place
  const undrawn = room.rules.order === 'random' && !room.opened(now)
  if (undrawn || visit.rank > line.called + room.near) return place
  if (!presence.remembers(place) && visit.rank <= line.passed(presence.time)) {
    room.missed++
    return room.replace(place, now)
  }
  presence.see(place, visit.rank)
  return place
}

/** Gives turns to the first at the door while there are tokens, and moves the line on for those who could come. */
function letIn(room: Room, now: number): void {
  const { presence, line } = room
  const settled = line.settled(now, room.near)
  while (room.bucket.filled && !room.full) {
    const first = presence.door.first()
    if (first && presence.isAway(first)) {
      presence.door.remove(first)
    } else if (first && mayEnter(room, first.rank!, settled)) {
      room.giveTurn(first, now)
    } else {
      line.callUpTo(settled, now)
      break
    }
  }
  line.note(presence.time)
  line.restIfEmpty(presence.time)
}

function mayEnter({ line, drawn }: Room, rank: number, settled: number): boolean {
  return rank <= Math.max(line.called, settled) || line.nobodyBefore(rank, drawn ?? 0)
}

function answer(room: Room, place: Place | undefined, now: number): VisitAnswer {
  if (!place) return { status: 'gone' }
  const { number, expiresAt } = place
  if (expiresAt !== null && now < expiresAt) return { status: 'admitted', number, expiresAt }
  const { door } = room.presence
  return { status: 'waiting', number, ahead: door.has(place) ? door.ahead(place) : null }
}

function stateOf(room: Room, op: RoomOp<'tend'>, now: number): Omit<RoomAnswer<'tend'>, 'visits'> {
  const { bucket, line, presence, outstanding, drawn, stock } = room
  return {
    status: 'tended',
    opened: room.opened(now),
    paused: room.paused,
    closed: stock?.state === 'sold_out' || stock?.state === 'ended' ? stock.state : null,
    pace: bucket.pace,
    tokens: bucket.tokens,
    tail: line.tail,
    called: line.called,
    reach: line.called + room.near,
    atDoor: presence.door.countUpTo(line.called),
    speed: room.speed,
    waiting: room.waiting,
    admitted: room.admitted,
    missed: room.missed,
    outstanding: outstanding.size,
    capacity: room.capacity,
    drawn,
    seed: drawn === null ? null : room.seed,
    doorTime: presence.time,
    turns: outstanding.turnsSince(op.turnsSince),
    goneVersion: line.gone.version,
    gone: line.gone.changedAfter(op.goneVersion),
    revoked: room.revocations.since(op.revokedSince, now),
  }
}
