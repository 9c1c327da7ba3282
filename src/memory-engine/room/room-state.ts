import { LAYOUT } from '../../engine/layout.js'
import {
  type RoomOp,
  SLOTS_A_LONG_TURN,
  STOCK_MS,
  type StockReading,
  type StoredRoomRules,
  TIER,
  TURN_AGAIN_MS,
  tierOf,
} from '../../engine/room.js'
import type { Moment, Time } from '../time.js'
import { OutstandingPasses } from './outstanding-passes.js'
import { Presence } from './presence.js'
import type { RankedVisitor } from './ranked-visitor.js'
import { Revocations } from './revocations.js'
import { type Tier, Tiers } from './tiers.js'
import { TokenBucket } from './token-bucket.js'

/** The least value of `near`: the ranks called ahead of visitors who have had time to poll. */
const NEAR = 64
/** Visitors who could be called within this time, in seconds, should poll. */
const NEAR_SECONDS = 8
/**
 * However many visitors do not come: the queue is called at most this many times as fast as the
 * rate, or its speed would feed back on itself.
 */
const MOST_TIMES_RATE = 4

const UNLIMITED = Number.POSITIVE_INFINITY

/** The moment at which a command is executed. */
export interface Step extends Moment {
  /** The call's deadline has passed: nothing may be changed any more. */
  readonly overdue: boolean
}

export const retry = { status: 'retry' } as const

/** The state of a room once it was created. */
export class Room {
  /** The layout in which it is stored. */
  layout = LAYOUT
  /** As they were when the room was created, and as they are in force. */
  readonly created: StoredRoomRules
  rules: StoredRoomRules
  revision = 0
  readonly incarnation: string
  readonly commitment: string
  readonly seed: string
  readonly tokenBucket: TokenBucket
  readonly tiers: Tiers
  readonly presence = new Presence()
  readonly outstanding = new OutstandingPasses()
  readonly revocations: Revocations
  /** The latest visit of each buyer that was transferred, and what it became. */
  readonly transferred = new Map<
    string,
    { readonly visitId: number; readonly to: string; readonly as: number }
  >()
  /** Buyers who may not join. */
  readonly blocked = new Set<string>()
  paused = false
  admitted = 0
  missedTurns = 0

  /** Whether it has ever been open. */
  #wasOpen = false
  /** The latest time at which something was changed here. */
  #time: Time
  /** The moment of the call that is executed. */
  #moment: Time
  /** When the room last moved on. */
  #movedAt: number
  #stock: StockReading | null = null
  readonly #byBuyer = new Map<string, RankedVisitor>()

  constructor({ rules, pace, seed, commitment, incarnation }: RoomOp<'create'>, time: Time) {
    const { now } = time
    this.created = rules
    this.rules = rules
    this.incarnation = incarnation
    this.commitment = commitment
    this.seed = seed
    this.tokenBucket = new TokenBucket(pace)
    this.tiers = new Tiers(rules.claimMs, rules.tiers, now)
    this.revocations = new Revocations(rules.passMs)
    this.#time = time
    this.#moment = time
    this.#movedAt = now
  }

  get time(): Time {
    return this.#time
  }

  /** Begins a call: its changes are made at this moment. */
  begin(moment: Time): void {
    this.#moment = moment
  }

  get stock(): StockReading | null {
    return this.#stock
  }

  opened(now: number): boolean {
    return this.rules.opensAt === null || now >= this.rules.opensAt
  }

  get stopped(): boolean {
    return this.paused || this.tokenBucket.pace.rate === 0
  }

  tended(now: number): boolean {
    return this.opened(now) && !this.stopped && this.#sells(now)
  }

  #sells(now: number): boolean {
    if (this.rules.sale === null) return true
    return this.#stock !== null && this.#stock.state === 'open' && now - this.#stock.at <= STOCK_MS
  }

  /** How many turns and passes the stock allows. */
  get capacity(): number | null {
    if (this.rules.sale === null || this.#stock === null) return null
    return Math.floor((this.#stock.available * this.rules.overcommit) / 1_000)
  }

  /** How many turns and passes may be outstanding. */
  get #most(): number {
    return Math.min(this.capacity ?? UNLIMITED, this.rules.maxActive ?? UNLIMITED)
  }

  /** How many of them may be long turns while another visitor is present. */
  get #waitable(): number {
    const ofStock = Math.floor((this.capacity ?? UNLIMITED) / SLOTS_A_LONG_TURN)
    return Math.min(ofStock, Math.ceil((this.rules.maxActive ?? UNLIMITED) / SLOTS_A_LONG_TURN))
  }

  /** Whether one more turn of a visitor who is away may be outstanding. */
  get waits(): boolean {
    return this.outstanding.longTurns < this.#waitable
  }

  get full(): boolean {
    const beyond = Math.max(0, this.outstanding.longTurns - this.#waitable)
    return this.outstanding.size - beyond >= this.#most
  }

  /** Whether a long turn has to end before another visitor gets a turn. */
  get mustEndLongTurn(): boolean {
    return this.outstanding.size >= this.#most && this.outstanding.longTurns > this.#waitable
  }

  get speed(): number {
    return this.tiers.speed(this.presence.time, this.tokenBucket.pace.rate)
  }

  /** How many ranks beyond `called` should poll. */
  get near(): number {
    const { rate, burst } = this.tokenBucket.pace
    const speed = Math.min(this.speed, MOST_TIMES_RATE * rate)
    return Math.max(NEAR, burst + Math.floor((NEAR_SECONDS * speed) / 1_000))
  }

  find(buyer: string): RankedVisitor | undefined {
    return this.#byBuyer.get(buyer)
  }

  findVisit(buyer: string, visitId: number): RankedVisitor | undefined {
    const visitor = this.#byBuyer.get(buyer)
    return visitor?.visitId === visitId ? visitor : undefined
  }

  /** Takes over a reading of the stock, unless a later one is known. */
  read(stock: StockReading): void {
    if (this.#stock && stock.at < this.#stock.at) return
    this.#stock = stock
    this.outstanding.seeStockOf(stock.at)
  }

  /** Moves on to `now`, by the state before the command changes anything. */
  moveOn(now: number): void {
    const elapsed = now - this.#movedAt
    const gaining = now - Math.max(this.#movedAt, this.rules.opensAt ?? 0)
    this.#time = this.#moment
    this.#movedAt = now
    this.draw(now)
    const opened = this.opened(now)
    const tended = this.tended(now)
    if (opened && !this.stopped) this.tokenBucket.gain(gaining)
    this.#wasOpen ||= opened
    this.outstanding.runOut(now)
    this.presence.pass(elapsed, tended || !this.#wasOpen)
    this.tiers.sample(now, this.presence.time, opened)
    if (!tended) return
    const { claimMs } = this.rules
    const doorTime = this.presence.time
    let expired = this.outstanding.expire(doorTime - claimMs, doorTime - Math.max(claimMs, TURN_AGAIN_MS))
    for (; expired > 0; expired--) this.tokenBucket.giveBack()
    this.presence.forgetAfter(claimMs)
  }

  /** Draws the visitors who came before the room opened, at the first change after that. */
  draw(now: number): void {
    if (this.rules.order !== 'random' || this.drawn !== null || !this.opened(now)) return
    this.tiers.draw(now)
    this.#time = this.#moment
  }

  get drawn(): number | null {
    return this.tiers.drawn
  }

  get waiting(): number {
    return this.tiers.waiting
  }

  /** A number at the end of the tier, for a new visit or for the given one. */
  join(buyer: string, index: number, now: number, visitId?: number): RankedVisitor {
    this.#time = this.#moment
    const number = this.tiers.lengthen(index, now)
    this.tiers.of(number).waiting++
    const visitor = {
      buyer,
      visitId: visitId ?? this.tiers.tail,
      number,
      rank: null,
      expiresAt: null,
      offered: null,
      missed: 0,
    }
    this.#byBuyer.set(buyer, visitor)
    return visitor
  }

  /** Gives the buyer a new number in place of one that is over. */
  replace(visitor: RankedVisitor, now: number, index = tierOf(visitor.number)): RankedVisitor {
    this.presence.forget(visitor)
    return this.join(visitor.buyer, index, now, visitor.visitId)
  }

  /** Whether the visitor waits in a tier of lower priority, and has no turn. */
  mayRise(visitor: RankedVisitor, tier: Tier): boolean {
    if (visitor.expiresAt !== null || this.outstanding.hasTurn(visitor)) return false
    return tier.index !== tierOf(visitor.number) && this.tiers.better(visitor.number, tier) === tier
  }

  /** The visitor gives the number up and gets one in this tier. */
  rise(visitor: RankedVisitor, { index }: Tier, now: number): RankedVisitor {
    this.#giveUp(visitor)
    return this.replace(visitor, now, index)
  }

  #giveUp({ number }: RankedVisitor): void {
    this.tiers.of(number).waiting--
    this.tiers.depart(number)
  }

  update(rules: StoredRoomRules, now: number): void {
    this.#time = this.#moment
    if (rules.tiers !== this.rules.tiers) this.tiers.reorder(rules.tiers, now)
    this.rules = rules
    this.revision++
  }

  /** Gives the visit to another buyer, who has none. */
  move(visitor: RankedVisitor, to: string, now: number): void {
    this.#revokePass(visitor, now)
    this.#byBuyer.delete(visitor.buyer)
    visitor.buyer = to
    this.tiers.depart(this.tiers.lengthen(tierOf(visitor.number), now))
    visitor.visitId = this.tiers.tail
    this.#byBuyer.set(to, visitor)
  }

  /** Ends the buyer's visit, with its number, turn and pass. */
  end(visitor: RankedVisitor, now: number): void {
    this.#byBuyer.delete(visitor.buyer)
    this.presence.forget(visitor)
    if (this.outstanding.end(visitor)) this.tokenBucket.giveBack()
    if (visitor.expiresAt === null) this.#giveUp(visitor)
    this.#revokePass(visitor, now)
  }

  #revokePass({ buyer, visitId, expiresAt }: RankedVisitor, now: number): void {
    if (expiresAt !== null && now < expiresAt) this.revocations.add({ at: now, buyer, visitId })
  }

  giveTurn(visitor: RankedVisitor, now: number): void {
    while (this.mustEndLongTurn) {
      this.outstanding.endLongTurn().offered = 'token'
      this.tokenBucket.giveBack()
    }
    const { rank } = visitor
    const isLong = this.waits && this.presence.hasReturned(visitor)
    this.presence.forget(visitor)
    visitor.offered = 'turn'
    this.tokenBucket.take()
    this.tiers.of(visitor.number).callUpTo(rank! % TIER, now)
    this.outstanding.addTurn(visitor, this.presence.time, isLong)
  }

  /** Makes the turn a pass. */
  admit(visitor: RankedVisitor, now: number): void {
    visitor.expiresAt = now + this.rules.passMs
    this.outstanding.take(visitor)
    this.tiers.of(visitor.number).waiting--
    this.admitted++
  }
}
