import {
  AWAY_AT_ONCE,
  type RoomAnswer,
  type RoomOp,
  TIER,
  TURNS_AGAIN,
  tierOf,
  type Visit,
  type VisitAnswer,
} from '../../engine/room.js'
import { hasRunOut } from './join-and-leave.js'
import type { Queue } from './queue.js'
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
  const { presence } = room
  const visitor = room.findVisit(visit.buyer, visit.visitId)
  if (!visitor) return
  if (hasRunOut(visitor, now)) {
    room.replace(visitor, now)
    return
  }
  if (visitor.expiresAt !== null || visitor.number !== visit.number) return
  const undrawn = room.rules.order === 'random' && drawn === null
  if (undrawn || drawn !== room.drawn || visit.rank > room.tiers.of(visitor.number).called + room.near) return
  if (room.outstanding.hasTurn(visitor)) {
    // The visitor takes it in this call: it must not end for another.
    if (room.tended(now)) room.outstanding.shorten(visitor, presence.time)
    return
  }
  const rank = tierOf(visitor.number) * TIER + visit.rank
  if (presence.hasReturned(visitor)) {
    presence.welcomeBack(visitor, rank)
    return
  }
  if (hasMissed(room, visitor, visit.rank)) {
    room.missedTurns++
    if (visitor.offered === 'turn') visitor.missed++
    visitor.offered = null
    if (visitor.missed <= TURNS_AGAIN) {
      presence.welcomeBack(visitor, rank)
      return
    }
  }
  presence.see(visitor, rank)
  if (visitor.missed > TURNS_AGAIN) once.add(visitor)
}

function hasMissed({ presence, tiers }: Room, visitor: RankedVisitor, rank: number): boolean {
  if (visitor.missed > TURNS_AGAIN || presence.remembers(visitor)) return false
  return visitor.offered !== null || rank <= tiers.of(visitor.number).passed(presence.time)
}

/**
 * Gives turns to the first present visitors while there are tokens, and moves the queue on for
 * visitors who have had time to poll.
 */
function letIn(room: Room, now: number): void {
  const { presence, tiers } = room
  const { near } = room
  const waiting = tiers.inOrder.map((tier) => ({ ...tier, settled: tier.queue.settled(now, near) }))
  let away = 0
  for (
    let tier = waiting.shift();
    tier && !room.full && (room.tokenBucket.filled || room.mustEndLongTurn);
  ) {
    const { queue, index, settled } = tier
    const first = presence.visitors.firstOf(index)
    if (first && presence.isAway(first, room.waits)) {
      if (away === AWAY_AT_ONCE) break
      presence.passOver(first)
      away++
    } else if (first && mayEnter(queue, first.rank! % TIER, settled)) {
      room.giveTurn(first, now)
    } else {
      queue.callUpTo(settled, now)
      if (first || !queue.isExhausted(now)) break
      tier = waiting.shift()
    }
  }
  tiers.note(presence.time)
  tiers.restIfEmpty(presence.time)
}

function mayEnter(queue: Queue, rank: number, settled: number): boolean {
  return rank <= Math.max(queue.called, settled) || queue.nobodyBefore(rank)
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
  const ahead = () => visitors.ahead(visitor) - visitors.countUpTo(tierOf(number) * TIER)
  return { status: 'waiting', number, ahead: visitors.has(visitor) ? ahead() : null }
}

function stateOf(room: Room, op: RoomOp<'tend'>, now: number): Omit<RoomAnswer<'tend'>, 'visits'> {
  const { tokenBucket, tiers, presence, outstanding, drawn, stock } = room
  const { near } = room
  const states = tiers.states(presence.visitors, near)
  return {
    status: 'tended',
    opened: room.opened(now),
    paused: room.paused,
    closed: stock?.state === 'sold_out' || stock?.state === 'ended' ? stock.state : null,
    pace: tokenBucket.pace,
    tokens: tokenBucket.tokens,
    tail: tiers.tail,
    called: tiers.called,
    reach: tiers.called + near,
    present: states.reduce((sum, { present }) => sum + present, 0),
    speed: room.speed,
    waiting: room.waiting,
    admitted: room.admitted,
    missedTurns: room.missedTurns,
    outstanding: outstanding.sizeAt(now),
    capacity: room.capacity,
    drawn,
    seed: drawn === null ? null : room.seed,
    tiers: states,
    opensAt: room.rules.opensAt,
    revision: room.revision,
    doorTime: presence.time,
    turns: outstanding.turnsSince(op.turnsSince),
    goneVersion: tiers.goneVersion,
    gone: tiers.changedAfter(op.goneVersion),
    revoked: room.revocations.since(op.revokedSince, now),
  }
}
