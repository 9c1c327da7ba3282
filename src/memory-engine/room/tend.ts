import {
  AWAY_AT_ONCE,
  type RoomAnswer,
  type RoomOp,
  TURNS_AGAIN,
  type Visit,
  type VisitAnswer,
} from '../../engine/room.js'
import { hasRunOut } from './join-and-leave.js'
import type { RankedVisitor } from './ranked-visitor.js'
import type { Room, Step } from './room-state.js'

export function tend(room: Room, op: RoomOp<'tend'>, { now, overdue }: Step): RoomAnswer<'tend'> {
  if (!overdue) {
    // A reading from the future comes from a wrong clock: it must not outlast later readings.
    if (op.stock) room.read({ ...op.stock, at: Math.min(op.stock.at, now) })
    room.moveOn(now)
    const once = new Set<RankedVisitor>()
    for (const visit of op.visits) register(room, visit, op.drawn, now, once)
    if (room.tended(now)) {
      letIn(room, now)
      admit(room, op.visits, now)
    }
    for (const visitor of once) room.presence.forget(visitor)
  }
  const visits = op.visits.map((visit) => answer(room, visit, now))
  return { ...stateOf(room, op, now), visits }
}

/**
 * Notes that a visitor is present; this may give them another number.
 *
 * @param once Receives the visitors who are present for this call only.
 */
function register(
  room: Room,
  visit: Visit,
  drawn: number | null,
  now: number,
  once: Set<RankedVisitor>,
): void {
  const { presence, queue } = room
  const visitor = room.findVisit(visit.buyer, visit.visitId)
  if (!visitor) return
  if (hasRunOut(visitor, now)) {
    room.waiting++
    room.replace(visitor, now)
    return
  }
  if (visitor.expiresAt !== null || visitor.number !== visit.number) return
  const undrawn = room.rules.order === 'random' && drawn === null
  if (undrawn || drawn !== room.drawn || visit.rank > queue.called + room.near) return
  if (room.outstanding.hasTurn(visitor)) {
    // The visitor takes it in this call: it must not end for another.
    if (room.tended(now)) room.outstanding.shorten(visitor, presence.time)
    return
  }
  if (presence.hasReturned(visitor)) {
    presence.welcomeBack(visitor, visit.rank)
    return
  }
  if (hasMissed(room, visitor, visit.rank)) {
    room.missedTurns++
    if (visitor.offered === 'turn') visitor.missed++
    visitor.offered = null
    if (visitor.missed <= TURNS_AGAIN) {
      presence.welcomeBack(visitor, visit.rank)
      return
    }
  }
  presence.see(visitor, visit.rank)
  if (visitor.missed > TURNS_AGAIN) once.add(visitor)
}

function hasMissed({ presence, queue }: Room, visitor: RankedVisitor, rank: number): boolean {
  if (visitor.missed > TURNS_AGAIN || presence.remembers(visitor)) return false
  return visitor.offered !== null || rank <= queue.passed(presence.time)
}

/**
 * Gives turns to the first present visitors while there are tokens, and moves the queue on for
 * visitors who have had time to poll.
 */
function letIn(room: Room, now: number): void {
  const { presence, queue } = room
  const settled = queue.settled(now, room.near)
  let away = 0
  while (!room.full && (room.tokenBucket.filled || room.mustEndLongTurn)) {
    const first = presence.visitors.first()
    if (first && presence.isAway(first, room.waits)) {
      if (away === AWAY_AT_ONCE) break
      presence.passOver(first)
      away++
    } else if (first && mayEnter(room, first.rank!, settled)) {
      room.giveTurn(first, now)
    } else {
      queue.callUpTo(settled, now)
      break
    }
  }
  queue.note(presence.time)
  queue.restIfEmpty(presence.time)
}

function mayEnter({ queue, drawn }: Room, rank: number, settled: number): boolean {
  return rank <= Math.max(queue.called, settled) || queue.nobodyBefore(rank, drawn ?? 0)
}

/** Admits each visitor of the batch who has a turn. */
function admit(room: Room, visits: readonly Visit[], now: number): void {
  for (const { buyer, visitId } of visits) {
    const visitor = room.findVisit(buyer, visitId)
    if (visitor && room.outstanding.hasTurn(visitor)) room.admit(visitor, now)
  }
}

function answer(room: Room, { buyer, visitId }: Visit, now: number): VisitAnswer {
  const visitor = room.findVisit(buyer, visitId)
  if (!visitor) return { status: 'gone' }
  const { number, expiresAt } = visitor
  if (expiresAt !== null && now < expiresAt) return { status: 'admitted', number, expiresAt }
  const { visitors } = room.presence
  return { status: 'waiting', number, ahead: visitors.has(visitor) ? visitors.ahead(visitor) : null }
}

function stateOf(room: Room, op: RoomOp<'tend'>, now: number): Omit<RoomAnswer<'tend'>, 'visits'> {
  const { tokenBucket, queue, presence, outstanding, drawn, stock } = room
  return {
    status: 'tended',
    opened: room.opened(now),
    paused: room.paused,
    closed: stock?.state === 'sold_out' || stock?.state === 'ended' ? stock.state : null,
    pace: tokenBucket.pace,
    tokens: tokenBucket.tokens,
    tail: queue.tail,
    called: queue.called,
    reach: queue.called + room.near,
    present: presence.visitors.countUpTo(queue.called),
    speed: room.speed,
    waiting: room.waiting,
    admitted: room.admitted,
    missedTurns: room.missedTurns,
    outstanding: outstanding.size,
    capacity: room.capacity,
    drawn,
    seed: drawn === null ? null : room.seed,
    doorTime: presence.time,
    turns: outstanding.turnsSince(op.turnsSince),
    goneVersion: queue.gone.version,
    gone: queue.gone.changedAfter(op.goneVersion),
    revoked: room.revocations.since(op.revokedSince, now),
  }
}
