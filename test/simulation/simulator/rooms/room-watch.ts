import {
  type RoomAnswer,
  type RoomOp,
  STOCK_MS,
  type StockReading,
  TIER,
  TOKEN,
  tierOf,
} from '../../../../src/engine/room.js'
import type { Room } from '../../../../src/memory-engine/room/room-state.js'
import { shuffledRank } from '../../../../src/waiting-room/draw.js'
import { demand } from '../../../model/violation.js'
import type { SaleMachine } from '../sale-machine.js'
import { MissedTurns } from './missed-turns.js'
import type { RoomMachine } from './room-machine.js'
import { ends, isTransferred, print, type Seen, type Snapshot } from './room-snapshot.js'

/** What the sale had, from one change to the next. */
interface Sample {
  readonly available: number
  readonly rest: number
  /** When it was last so, at the latest, by what any process takes for the room's time. */
  until: number
}

/** Looks into the room before and after every step: what moved must have been allowed to. */
export class RoomWatch {
  readonly #machine: RoomMachine
  readonly #sale: SaleMachine | undefined
  readonly #buyers: readonly string[]
  readonly #moment: () => number
  /** How far the room's time was ahead of the world's at most, whenever it was told. */
  #ahead = Number.NEGATIVE_INFINITY
  readonly #samples: Sample[] = []
  /** Whose number each was. */
  readonly #owners = new Map<number, string>()
  readonly #missedTurns = new MissedTurns()
  #before: Snapshot | undefined
  #latestVisit = 0

  /** @param moment The world's time, which no fault sets. */
  constructor(
    machine: RoomMachine,
    sale: SaleMachine | undefined,
    buyers: readonly string[],
    moment: () => number,
  ) {
    this.#machine = machine
    this.#sale = sale
    this.#buyers = buyers
    this.#moment = moment
  }

  /** After each step of the sale. */
  sample(): void {
    const state = this.#sale?.state
    if (!state || state.incarnation === null) return
    const { available, held } = state.stock.of(0)
    const last = this.#samples.at(-1)
    if (last?.available === available && last.rest === held) return
    // Where the server's clock was set back, no server time says when this was: the room's and the
    // sale's stand still, each by itself. And a process counts on from what it was told until it
    // hears more.
    if (last) last.until = this.#moment() + this.#ahead
    this.#samples.push({ available, rest: held, until: Number.POSITIVE_INFINITY })
  }

  look(command: string, ops: readonly object[], now: number, overdue: boolean): void {
    const { room } = this.#machine
    this.#ahead = Math.max(this.#ahead, now - this.#moment())
    if (!room) return
    const was = this.#before
    const moves = !overdue && command !== 'join' && command !== 'describe'
    const is = this.#snapshot(room, was && !moves ? was.now : now)
    this.#before = is
    if (!was) return
    const admitted = is.admitted - was.admitted
    const entered = [...is.turns].filter((number) => !was.turns.has(number))
    const story = () => `after ${command} at ${now}: ${print(was)} became ${print(is)}`
    this.#places(was, is, command, ops, now)
    this.#tokens(was, is, command, story)
    // By another command a pass can only change its owner.
    const fresh = command === 'tend' ? this.#newTurns(was, is, entered) : []
    if (moves)
      this.#missedTurns.look(room, was, is, command, ops, fresh, (number) => this.#rankOf(room, number))
    if (is.stock !== was.stock) this.#reading(is.stock!)
    for (const name of ['admitted', 'missed', 'called'] as const)
      demand(is[name] >= was[name], 'conservation', () => `${name} went back ${story()}`)
    if (entered.length > 0 || admitted > 0) {
      demand(command === 'tend', 'admission', () => `somebody was let in ${story()}`)
      this.#mayLetIn(room, was, is, story)
      if (fresh.length > 0) {
        this.#inOrder(room, fresh)
        this.#withinCapacity(room, is, story)
      }
    }
  }

  /** Who is told to be admitted has that pass, and nobody else's. */
  answered(ops: readonly RoomOp<'tend'>[], answers: readonly RoomAnswer<'tend'>[]): void {
    for (const [i, { visits }] of ops.entries())
      for (const [j, { buyer, visitId }] of visits.entries()) {
        const told = answers[i]!.visits[j]!
        if (told.status !== 'admitted') continue
        const has = this.#machine.room?.findVisit(buyer, visitId)?.expiresAt
        demand(
          has === told.expiresAt,
          'admission',
          () => `${buyer} is told a pass until ${told.expiresAt}, and has ${has}`,
        )
      }
  }

  #places(was: Snapshot, is: Snapshot, command: string, ops: readonly object[], now: number): void {
    const { room } = this.#machine
    let admitted = 0
    let waiting = 0
    const visits: number[] = []
    for (const buyer of this.#buyers) {
      const a = was.places.get(buyer)
      const b = is.places.get(buyer)
      if (b?.expiresAt === null) waiting++
      demand(!room?.blocked.has(buyer) || !b, 'place', () => `${buyer} is blocked and has a place`)
      const story = () =>
        `${buyer} had ${JSON.stringify(a)} and has ${JSON.stringify(b)} after ${command} at ${now}`
      if (a && a.visitId !== b?.visitId) demand(ends(command, ops, buyer), 'place', story)
      if (!b) continue
      const owner = this.#owners.get(b.number)
      const moved = command === 'transfer' && isTransferred(ops, buyer)
      demand(
        moved || owner === undefined || owner === buyer,
        'place',
        () => `number ${b.number} of ${owner}: ${story()}`,
      )
      this.#owners.set(b.number, buyer)
      visits.push(b.visitId)
      const before = a?.visitId === b.visitId ? a : undefined
      // What became of the pass that came along: see `transferred`.
      if (moved && !before) {
        this.#transferred(was, b, story)
        continue
      }
      if (!before) {
        const isNew = this.#isTiered ? b.visitId > this.#latestVisit : b.number === b.visitId
        demand(command === 'join' && isNew, 'place', story)
      } else if (before.number !== b.number) {
        const rises = tierOf(b.number) < tierOf(before.number)
        demand(rises || b.number > before.number, 'place', story)
        const isOver = before.expiresAt !== null && now >= before.expiresAt
        demand(isOver || (command === 'join' && rises && before.expiresAt === null), 'place', story)
      } else if (before.expiresAt !== null) demand(b.expiresAt === before.expiresAt, 'place', story)
      if (b.expiresAt !== null && b.expiresAt !== (before?.number === b.number ? before.expiresAt : null))
        admitted++
    }
    this.#latestVisit = Math.max(this.#latestVisit, ...visits)
    demand(
      admitted === is.admitted - was.admitted,
      'place',
      () => `${admitted} got a pass, admitted went from ${was.admitted} to ${is.admitted}`,
    )
    demand(
      room!.waiting === waiting,
      'conservation',
      () => `${waiting} wait, and the room counts ${room!.waiting}`,
    )
  }

  /** The place was another's, and goes on as it was. */
  #transferred(was: Snapshot, { number, visitId, expiresAt }: Seen, story: () => string): void {
    const known = [...was.places.values()].find((place) => place.number === number)
    demand(known?.expiresAt === expiresAt && visitId > known.visitId, 'place', story)
  }

  /** Tokens, turns and passes: what one loses another has gained. */
  #tokens(was: Snapshot, is: Snapshot, command: string, story: () => string): void {
    const stopped = was.paused || was.rate === 0
    const { opensAt } = this.#machine.room!.rules
    const from = Math.max(was.now, opensAt ?? 0)
    const gain = stopped ? 0 : Math.max(0, is.now - from) * was.rate
    const all = ({ tokens, turns, admitted }: Snapshot) => tokens + (turns.size + admitted) * TOKEN
    demand(
      is.tokens >= 0 && is.tokens <= is.burst * TOKEN,
      'conservation',
      () => `${is.tokens} tokens ${story()}`,
    )
    demand(all(is) <= all(was) + gain, 'conservation', () => `tokens from nowhere ${story()}`)
    const fits = was.tokens + gain + was.turns.size * TOKEN <= was.burst * TOKEN
    if (fits && command === 'tend')
      demand(all(is) === all(was) + gain, 'conservation', () => `tokens lost ${story()}`)
  }

  #mayLetIn(room: Room, was: Snapshot, is: Snapshot, story: () => string): void {
    const { opensAt, sale } = room.rules
    demand(!was.paused, 'admission', () => `paused, and somebody was let in ${story()}`)
    demand(was.rate > 0, 'admission', () => `the rate is 0, and somebody was let in ${story()}`)
    demand(
      opensAt === null || is.now >= opensAt,
      'admission',
      () => `not open, and somebody was let in ${story()}`,
    )
    if (sale === null) return
    const { stock } = is
    const good = stock !== null && stock.state === 'open' && is.now - stock.at <= STOCK_MS
    demand(
      good,
      'admission',
      () => `the sale is ${JSON.stringify(stock)}, and somebody was let in ${story()}`,
    )
  }

  /** Numbers that were given a turn just now: those who have it, and those who took it at once. */
  #newTurns(was: Snapshot, is: Snapshot, entered: readonly number[]): number[] {
    const taken = this.#buyers.flatMap((buyer) => {
      const a = was.places.get(buyer)
      const b = is.places.get(buyer)
      const fresh = b && b.expiresAt !== null && (a?.number !== b.number || a.expiresAt === null)
      return fresh && !was.turns.has(b.number) ? [b.number] : []
    })
    return [...entered, ...taken]
  }

  /** Nobody is left at the door, present, who stands before somebody who got a turn. */
  #inOrder(room: Room, numbers: readonly number[]): void {
    const rankOf = (number: number) => this.#rankOf(room, number)
    const last = Math.max(...numbers.map(rankOf))
    for (const buyer of this.#buyers) {
      const place = room.find(buyer)
      if (!place || place.rank === null || room.presence.isAway(place, room.waits)) continue
      demand(
        rankOf(place.number) > last,
        'order',
        () => `${buyer} stands at the door as ${rankOf(place.number)}, and ${last} got a turn`,
      )
    }
  }

  get #isTiered(): boolean {
    return this.#machine.room!.tiers.inOrder.length > 1
  }

  /** Where a number stands: the tiers are never put in another order here. */
  #rankOf({ tiers, seed }: Room, number: number): number {
    const rank = number % TIER
    const { drawn } = tiers.of(number)
    if (drawn === null || rank > drawn) return number
    return number - rank + shuffledRank(seed, drawn, rank)
  }

  /** By a reading that is fresh ({@link #mayLetIn}) and true ({@link #reading}). */
  #withinCapacity({ rules, outstanding: { size } }: Room, { stock }: Snapshot, story: () => string): void {
    const most = rules.maxActive ?? Number.POSITIVE_INFINITY
    demand(size <= most, 'admission', () => `${size} outstanding where ${most} may be ${story()}`)
    if (rules.sale === null) return
    const { available } = stock!
    const allowed = Math.floor((available * rules.overcommit) / 1_000)
    demand(size <= allowed, 'admission', () => `${size} outstanding with ${available} available ${story()}`)
  }

  /** What is read of the sale is what it really was, at or after the moment the reading bears. */
  #reading({ at, state, available }: StockReading): void {
    const was = this.#samples.some((sample) => {
      const isSoldOut = sample.available + sample.rest === 0
      const alike = state === 'ended' || isSoldOut === (state === 'sold_out')
      return sample.until >= at && sample.available === available && alike
    })
    demand(was, 'admission', () => `read ${state} at ${at} with ${available} available, and it has not been`)
  }

  #snapshot(room: Room, movedAt: number): Snapshot {
    const { tokenBucket, outstanding, tiers, stock, paused, admitted, missedTurns } = room
    const places = new Map<string, Seen>()
    for (const buyer of this.#buyers) {
      const place = room.find(buyer)
      if (place)
        places.set(buyer, { number: place.number, visitId: place.visitId, expiresAt: place.expiresAt })
    }
    return {
      now: movedAt,
      tokens: tokenBucket.tokens,
      rate: tokenBucket.pace.rate,
      burst: tokenBucket.pace.burst,
      paused,
      turns: new Set(outstanding.turnsSince(0)),
      admitted,
      missed: missedTurns,
      called: tiers.called,
      stock,
      places,
    }
  }
}
