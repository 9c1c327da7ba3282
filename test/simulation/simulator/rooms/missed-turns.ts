import {
  type RoomOp,
  SLOTS_A_LONG_TURN,
  TIER,
  TOKEN,
  TURNS_AGAIN,
  tierOf,
} from '../../../../src/engine/room.js'
import type { Room } from '../../../../src/memory-engine/room/room-state.js'
import { demand } from '../../../model/violation.js'
import type { Snapshot } from './room-snapshot.js'

type RankOf = (number: number) => number

/**
 * What a visitor who missed a turn is owed, by what can be seen from outside: the first token after
 * their next poll, if stock and `maxActive` leave so many passes that one may wait. And no visitor
 * who polls is left waiting while a token is there, or while the last passes wait for others.
 */
export class MissedTurns {
  /** How many turns of a number have run out. */
  readonly #missed = new Map<number, number>()
  /** Numbers whose turn ran out and whose visitors have not polled since; and those who have. */
  readonly #away = new Set<number>()
  readonly #returned = new Set<number>()
  /** Whether one more pass could wait for a visitor who is away. */
  #waits = true
  /** The door time at which each turn was given. */
  readonly #given = new Map<number, number>()

  /** @param fresh Numbers that were given a turn just now. */
  look(
    room: Room,
    was: Snapshot,
    is: Snapshot,
    command: string,
    ops: readonly object[],
    fresh: readonly number[],
    rankOf: RankOf,
  ): void {
    for (const number of was.turns) if (!is.turns.has(number)) this.#ranOut(number, is)
    const polled =
      command === 'tend'
        ? (ops as readonly RoomOp<'tend'>[]).flatMap((op) => this.#polled(room, op, rankOf))
        : []
    for (const number of polled) if (this.#away.delete(number)) this.#returned.add(number)
    const [waited, isTaken] = [this.#waits, fresh.some((number) => this.#returned.has(number))]
    this.#waits = room.waits
    const isLimited = room.rules.sale !== null || room.rules.maxActive !== null
    if (isLimited && (!waited || !room.waits || isTaken))
      for (const number of this.#returned) if (!polled.includes(number)) this.#returned.delete(number)
    for (const number of fresh) {
      this.#returned.delete(number)
      this.#given.set(number, room.presence.time)
    }
    const waiting = new Set(
      [...is.places.values()].filter(({ expiresAt }) => expiresAt === null).map(({ number }) => number),
    )
    for (const number of this.#returned) if (!waiting.has(number)) this.#returned.delete(number)
    const last = Math.max(0, ...fresh.map(rankOf))
    for (const number of this.#returned)
      demand(
        rankOf(number) > last,
        'order',
        () => `${number} missed a turn and has polled since, and ${last} got a turn before`,
      )
    if (command !== 'tend' || !room.tended(is.now)) return
    if (!this.#lastPassWaits(room, is) && (room.full || is.tokens < TOKEN)) return
    for (const number of polled)
      demand(
        !waiting.has(number) || is.turns.has(number) || !isCalled(room, number, rankOf(number) % TIER),
        'liveness',
        () => `${number} polls at the head of the queue, a token is there, and they wait`,
      )
  }

  /** Whether the room is full only because turns are kept for longer than claimMs. */
  #lastPassWaits({ rules, capacity, outstanding, presence }: Room, is: Snapshot): boolean {
    const most = Math.min(capacity ?? Number.POSITIVE_INFINITY, rules.maxActive ?? Number.POSITIVE_INFINITY)
    const mayWait = Math.min(
      Math.floor((capacity ?? Number.POSITIVE_INFINITY) / SLOTS_A_LONG_TURN),
      Math.ceil((rules.maxActive ?? Number.POSITIVE_INFINITY) / SLOTS_A_LONG_TURN),
    )
    const old = [...is.turns].filter((number) => presence.time > this.#given.get(number)! + rules.claimMs)
    return outstanding.size >= most && outstanding.size - Math.max(0, old.length - mayWait) < most
  }

  #ranOut(number: number, is: Snapshot): void {
    const waits = [...is.places.values()].some((place) => place.number === number && place.expiresAt === null)
    if (!waits) return
    const missed = (this.#missed.get(number) ?? 0) + 1
    this.#missed.set(number, missed)
    if (missed <= TURNS_AGAIN) this.#away.add(number)
  }

  /** The numbers of those who polled with the number and the rank that they have. */
  #polled(room: Room, { visits, drawn }: RoomOp<'tend'>, rankOf: RankOf): number[] {
    if (drawn !== room.drawn || (room.rules.order === 'random' && drawn === null)) return []
    return visits.flatMap(({ buyer, visitId, number, rank }) => {
      const own = room.findVisit(buyer, visitId)?.number === number && rank === rankOf(number) % TIER
      return own && rank <= room.tiers.of(number).called + room.near ? [number] : []
    })
  }
}

/** Whether a rank was called, and each of the higher tiers as a whole. */
function isCalled({ tiers }: Room, number: number, rank: number): boolean {
  if (rank > tiers.of(number).called) return false
  const own = tiers.inOrder.findIndex(({ index }) => index === tierOf(number))
  return tiers.inOrder.slice(0, own).every(({ queue }) => queue.called >= queue.tail)
}
