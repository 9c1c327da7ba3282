import { expect } from 'vitest'
import {
  type AdmissionRate,
  type RoomAnswer,
  type RoomOp,
  type RoomState,
  type StoredRoomRules,
  TIER,
  TOKEN,
  tierOf,
  type Visit,
} from '../../src/engine/room.js'

interface Person {
  readonly buyer: string
  number: number
  visitId: number
  /** Number of the place before. */
  before: number
  here: boolean
  /** When the pass runs out; of one that did, until there is a new place. */
  expiresAt: number | null
}

/** Knows of a room what everybody outside can know, and fails when what it hears cannot be. */
export class RoomInvariantChecker {
  readonly people: Person[] = []
  readonly #blocked = new Set<string>()
  readonly #owners = new Map<number, string>()
  #last: RoomState
  #latestVisit = 0
  #movedAt: number
  /** Tokens there were at first and all that were gained since, in millionths. */
  #gained: number

  constructor(
    readonly rules: StoredRoomRules,
    first: RoomState,
    now: number,
  ) {
    this.#last = first
    this.#movedAt = now
    this.#gained = first.tokens
  }

  get last(): RoomState {
    return this.#last
  }

  /** Round and round the list. */
  person(index: number): Person | undefined {
    return this.people[index % this.people.length]
  }

  /** Where the tier of a number stands. */
  #tier(number: number): number {
    return this.#last.tiers.findIndex(({ index }) => index === tierOf(number))
  }

  /** Any order that everybody knows will do for a draw. */
  rankOf(number: number): number {
    const drawn = this.#last.tiers.find(({ index }) => index === tierOf(number))?.drawn ?? null
    const rank = number % TIER
    return drawn !== null && rank <= drawn ? drawn + 1 - rank : rank
  }

  /** A number that tells who stands before whom. */
  order(number: number): number {
    return this.#tier(number) * TIER + this.rankOf(number)
  }

  updated(answer: RoomAnswer<'update'>): void {
    if (answer.status !== 'updated') return
    const { revision } = this.#last
    if (answer.replayed) expect(answer.revision, 'the same rules').toBeGreaterThanOrEqual(revision)
    else expect(answer.revision, 'other rules').toBeGreaterThan(revision)
  }

  joined({ buyer, tier = null }: RoomOp<'join'>, answer: RoomAnswer<'join'>, now: number): void {
    const tiers = this.#last.tiers.map(({ name }) => name)
    expect(answer.status === 'unknown_tier', 'unknown tier').toBe(tier !== null && !tiers.includes(tier))
    if (answer.status !== 'unknown_tier')
      expect(answer.status === 'blocked', 'blocked').toBe(this.#blocked.has(buyer))
    if (answer.status !== 'placed') return
    const person = this.#person(buyer)
    const wanted = tier === null ? tiers.length - 1 : tiers.indexOf(tier)
    if (person.here) {
      expect(answer.visitId, 'the stay goes on').toBe(person.visitId)
      const mayRise = person.expiresAt === null && wanted < this.#tier(person.number)
      const rises = mayRise && !this.#last.turns.includes(person.number)
      const over = person.expiresAt !== null && now >= person.expiresAt
      if (rises) expect(this.#tier(answer.number), 'a higher tier').toBe(wanted)
      else if (!over)
        expect(answer, 'one place each').toMatchObject({ number: person.number, expiresAt: person.expiresAt })
      else if (answer.number !== person.number)
        expect(this.#tier(answer.number), 'the better tier').toBe(Math.min(wanted, this.#tier(person.number)))
    } else {
      expect(answer.visitId, 'a stay of its own').toBeGreaterThan(this.#latestVisit)
      expect(this.#tier(answer.number), 'the tier').toBe(wanted)
    }
    this.#latestVisit = Math.max(this.#latestVisit, answer.visitId)
    person.here = true
    person.visitId = answer.visitId
    this.#place(person, answer.number)
    person.expiresAt = answer.expiresAt
  }

  #person(buyer: string): Person {
    const known = this.people.find((each) => each.buyer === buyer)
    if (known) return known
    const person = { buyer, number: 0, visitId: 0, before: 0, here: false, expiresAt: null }
    this.people.push(person)
    return person
  }

  transferred({ buyer, visitId, to }: RoomOp<'transfer'>, answer: RoomAnswer<'transfer'>, now: number): void {
    const from = this.#person(buyer)
    const own = this.#person(to)
    const isHere = from.here && from.visitId === visitId
    if (answer.status === 'gone') expect(isHere, 'gone').toBe(false)
    if (answer.status === 'blocked') expect(this.#blocked.has(to), 'blocked').toBe(true)
    if (answer.status === 'compare')
      expect(
        [from, own].every((one) => one.here && one.expiresAt === null),
        'both wait',
      ).toBe(true)
    if (answer.status !== 'transferred') return
    const places = [from, own].filter((one) => one.here && (one === own || isHere))
    const place = places.find(({ number }) => number === answer.number)
    expect(place?.expiresAt, 'a place or a pass of either').toBe(answer.expiresAt)
    const hasPass = (one: Person) => one.expiresAt !== null && now < one.expiresAt
    expect(hasPass(place!), 'a pass was lost').toBe(places.some(hasPass))
    if (place === own) expect(answer.visitId, 'the stay goes on').toBe(own.visitId)
    else expect(answer.visitId, 'a stay of its own').toBeGreaterThan(Math.max(visitId, own.visitId))
    if (isHere) from.here = false
    own.before = own.number
    Object.assign(own, {
      here: true,
      visitId: answer.visitId,
      number: answer.number,
      expiresAt: answer.expiresAt,
    })
    this.#owners.set(answer.number, to)
    this.#latestVisit = Math.max(this.#latestVisit, answer.visitId)
  }

  blocked({ buyer, blocked }: RoomOp<'block'>, { status }: RoomAnswer<'block'>): void {
    if (status === 'retry') return
    expect(status === 'changed', 'a buyer was blocked').toBe(this.#blocked.has(buyer) !== blocked)
    if (!blocked) this.#blocked.delete(buyer)
    else this.#blocked.add(buyer)
    if (blocked && status === 'changed') this.ended(buyer)
  }

  ended(buyer: string): void {
    const person = this.people.find((each) => each.buyer === buyer)
    if (person) person.here = false
  }

  tended(op: RoomOp<'tend'>, answer: RoomAnswer<'tend'>, now: number, late: boolean): void {
    const before = this.#last
    const given = new Set(before.turns)
    const fresh = answer.turns.filter((number) => !given.has(number))
    for (const [i, visit] of op.visits.entries()) {
      const told = answer.visits[i]!
      const person = this.people.find(({ buyer }) => buyer === visit.buyer)
      if (told.status === 'gone') {
        expect(person?.here && person.visitId === visit.visitId, 'gone').toBeFalsy()
        continue
      }
      expect(person?.here && person.visitId === visit.visitId, 'a place').toBe(true)
      const knew = person!.number
      this.#place(person!, told.number)
      if (told.status === 'admitted') {
        if (person!.expiresAt === null) {
          expect(late, 'admitted too late').toBe(false)
          expect(told.expiresAt).toBe(now + this.rules.passMs)
          if (!given.has(told.number)) fresh.push(told.number)
        } else {
          expect(told.expiresAt, 'the same pass').toBe(person!.expiresAt)
        }
        person!.expiresAt = told.expiresAt
      } else if (told.number !== knew) {
        expect(person!.expiresAt, 'a place lost without a pass that ran out').not.toBeNull()
        person!.expiresAt = null
      } else if (person!.expiresAt !== null) {
        expect(late && now >= person!.expiresAt, 'a pass was lost').toBe(true)
      }
    }
    if (!late) this.#inOrder(op.visits, answer, fresh)
    if (fresh.length > 0 && answer.capacity !== null)
      expect(answer.outstanding, 'capacity').toBeLessThanOrEqual(answer.capacity)
    if (this.rules.maxActive !== null)
      expect(answer.outstanding, 'maxActive').toBeLessThanOrEqual(this.rules.maxActive)
    expect(answer.waiting).toBe(this.people.filter((each) => each.here && each.expiresAt === null).length)
  }

  /** Nobody who came just now and is in line stands before somebody who got a turn just now. */
  #inOrder(visits: readonly Visit[], answer: RoomAnswer<'tend'>, fresh: readonly number[]): void {
    if (this.rules.order !== 'fifo') return
    const latest = Math.max(0, ...fresh.map((number) => this.order(number)))
    for (const [i, visit] of visits.entries()) {
      const told = answer.visits[i]!
      if (told.status === 'waiting' && told.ahead !== null && told.number === visit.number)
        expect(this.order(told.number), 'first come, first served').toBeGreaterThan(latest)
    }
  }

  /** The room after a batch, or after a part of one. `pace`: before it. */
  saw(state: RoomState, now: number, moved: boolean, shrunk: boolean): void {
    const before = this.#last
    let gain = 0
    if (moved) {
      // By the rules before an update.
      const opened = before.opensAt === null || now >= before.opensAt
      if (opened && !before.paused) {
        // What lies before the opening gains nothing.
        const since = Math.max(this.#movedAt, before.opensAt ?? 0)
        gain = (now - since) * before.pace.rate
      }
      this.#movedAt = now
    }
    this.#gained += gain
    const whole = (each: RoomState) => each.tokens + (each.admitted + each.turns.length) * TOKEN
    expect(Number.isSafeInteger(state.tokens) && state.tokens >= 0, `${state.tokens} tokens`).toBe(true)
    expect(state.tokens, 'above burst').toBeLessThanOrEqual(room(state.pace))
    expect(whole(state), 'tokens from nowhere').toBeLessThanOrEqual(this.#gained)
    const fits = before.tokens + gain + before.turns.length * TOKEN <= room(before.pace)
    if (fits && !shrunk) expect(whole(state), 'tokens lost').toBe(whole(before) + gain)
    for (const name of ['called', 'tail', 'admitted', 'missedTurns', 'doorTime', 'goneVersion'] as const)
      expect(state[name], name).toBeGreaterThanOrEqual(before[name])
    expect(state.called, 'called beyond the tail').toBeLessThanOrEqual(state.tail)
    expect(new Set(state.turns).size, 'a turn twice').toBe(state.turns.length)
    expect(state.drawn === null).toBe(state.seed === null)
    if (before.drawn !== null) expect(state.drawn).toBe(before.drawn)
    const sum = (of: 'tail' | 'called' | 'present' | 'waiting') =>
      state.tiers.reduce((all, tier) => all + tier[of], 0)
    for (const name of ['tail', 'called', 'present', 'waiting'] as const)
      expect(sum(name), name).toBe(state[name])
    this.#last = state
  }

  #place(person: Person, number: number): void {
    const owner = this.#owners.get(number)
    expect(owner === undefined || owner === person.buyer, `number ${number} twice`).toBe(true)
    this.#owners.set(number, person.buyer)
    if (person.number === number) return
    if (tierOf(number) === tierOf(person.number))
      expect(number, 'a place lost for one further ahead').toBeGreaterThan(person.number)
    person.before = person.number
    person.number = number
  }
}

function room({ burst }: AdmissionRate): number {
  return burst * TOKEN
}
