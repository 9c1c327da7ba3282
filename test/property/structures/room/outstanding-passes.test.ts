import fc from 'fast-check'
import { test } from 'vitest'
import { OutstandingPasses } from '../../../../src/memory-engine/room/outstanding-passes.js'
import type { RankedVisitor } from '../../../../src/memory-engine/room/ranked-visitor.js'
import { operation, sameAsModel } from '../../../support/same-as-model.js'

type Passes = Pick<
  OutstandingPasses,
  | 'size'
  | 'longTurns'
  | 'hasTurn'
  | 'isUnspent'
  | 'addTurn'
  | 'shorten'
  | 'endLongTurn'
  | 'take'
  | 'spend'
  | 'end'
  | 'turnsSince'
  | 'expire'
  | 'runOut'
  | 'seeStockOf'
>

type Kind = 'turn' | 'long turn' | 'pass' | 'spent'

/** One list of all, each with its kind and its time. */
class Model implements Passes {
  #all: { readonly place: RankedVisitor; readonly kind: Kind; readonly at: number }[] = []

  get size(): number {
    return this.#all.length
  }

  get longTurns(): number {
    return this.#all.filter(({ kind }) => kind === 'long turn').length
  }

  hasTurn(place: RankedVisitor): boolean {
    return this.#all.some((each) => each.place === place && isTurn(each.kind))
  }

  isUnspent(place: RankedVisitor): boolean {
    return this.#all.some((each) => each.place === place && each.kind === 'pass')
  }

  addTurn(place: RankedVisitor, at: number, isLong: boolean): void {
    this.#all.push({ place, kind: isLong ? 'long turn' : 'turn', at })
  }

  shorten(place: RankedVisitor, at: number): void {
    const isLong = this.#all.some((each) => each.place === place && each.kind === 'long turn')
    if (!isLong) return
    this.end(place)
    this.addTurn(place, at, false)
  }

  endLongTurn(): RankedVisitor {
    const long = this.#all.filter(({ kind }) => kind === 'long turn')
    const [first] = long.sort((a, b) => a.at - b.at || (`${a.place.number}` < `${b.place.number}` ? -1 : 1))
    this.end(first!.place)
    return first!.place
  }

  take(place: RankedVisitor): void {
    this.end(place)
    this.#all.push({ place, kind: 'pass', at: place.expiresAt! })
  }

  spend(place: RankedVisitor, at: number): void {
    this.end(place)
    this.#all.push({ place, kind: 'spent', at })
  }

  end(place: RankedVisitor): boolean {
    const hadTurn = this.hasTurn(place)
    this.#all = this.#all.filter((each) => each.place !== place)
    return hadTurn
  }

  turnsSince(from: number): number[] {
    const since = this.#all.filter(({ kind, at }) => isTurn(kind) && at >= from)
    return [
      ...since.filter(({ kind }) => kind === 'turn'),
      ...since.filter(({ kind }) => kind !== 'turn'),
    ].map(({ place }) => place.number)
  }

  expire(until: number, longUntil: number): number {
    return this.#drop('turn', (at) => at <= until) + this.#drop('long turn', (at) => at <= longUntil)
  }

  runOut(now: number): void {
    this.#drop('pass', (at) => at <= now)
  }

  seeStockOf(readAt: number): void {
    this.#drop('spent', (at) => at < readAt)
  }

  #drop(kind: Kind, isOver: (at: number) => boolean): number {
    const before = this.size
    this.#all = this.#all.filter((each) => each.kind !== kind || !isOver(each.at))
    return before - this.size
  }
}

function isTurn(kind: Kind): boolean {
  return kind === 'turn' || kind === 'long turn'
}

/**
 * Visitors, and a clock that does not go back: turns, passes and purchases come in order of time.
 */
class Visitors {
  readonly #passes: Passes
  readonly #places: RankedVisitor[] = []
  #now = 100

  constructor(passes: Passes) {
    this.#passes = passes
  }

  wait(ms: number): void {
    this.#now += ms
  }

  turn(isLong: boolean): void {
    const number = this.#places.length
    const place = {
      buyer: `${number}`,
      visitId: number,
      number,
      rank: null,
      expiresAt: null,
      offered: null,
      missed: 0,
    }
    this.#places.push(place)
    this.#passes.addTurn(place, this.#now, isLong)
  }

  /** One of those whose turn it is. */
  take(index: number): void {
    const turns = this.#places.filter((place) => this.#passes.hasTurn(place))
    const place = turns[index % Math.max(1, turns.length)]
    if (!place) return
    place.expiresAt = this.#now + 3
    this.#passes.take(place)
  }

  /** One of those whose turn it is polls, and does not take it. */
  shorten(index: number): void {
    const turns = this.#places.filter((place) => this.#passes.hasTurn(place))
    const place = turns[index % Math.max(1, turns.length)]
    if (place) this.#passes.shorten(place, this.#now)
  }

  endLongTurn(): number | undefined {
    return this.#passes.longTurns === 0 ? undefined : this.#passes.endLongTurn().number
  }

  /** One of those who have a pass. */
  spend(index: number): void {
    const passes = this.#places.filter((place) => this.#passes.isUnspent(place))
    const place = passes[index % Math.max(1, passes.length)]
    if (place) this.#passes.spend(place, this.#now)
  }

  end(index: number): boolean | undefined {
    const place = this.#places[index % Math.max(1, this.#places.length)]
    return place && this.#passes.end(place)
  }

  /** With a time around the present one. */
  at<R>(offset: number, ask: (passes: Passes, time: number) => R): R {
    return ask(this.#passes, this.#now + offset)
  }

  get all(): unknown {
    const { size, longTurns } = this.#passes
    return [
      size,
      longTurns,
      this.#places.map((place) => [this.#passes.hasTurn(place), this.#passes.isUnspent(place)]),
    ]
  }
}

test('turns, passes and purchases end when their time comes, and not a ms before or after', () => {
  const index = fc.nat(12)
  const offset = fc.integer({ min: -4, max: 2 })
  sameAsModel<Visitors>(
    () => ({ real: new Visitors(new OutstandingPasses()), model: new Visitors(new Model()) }),
    [
      fc.nat(2).map((ms) => operation(`wait ${ms}`, (visitors) => visitors.wait(ms))),
      fc
        .constantFrom(false, true)
        .map((isLong) =>
          operation(isLong ? 'give a long turn' : 'give a turn', (visitors) => visitors.turn(isLong)),
        ),
      index.map((i) => operation(`${i} takes the turn`, (visitors) => visitors.take(i))),
      index.map((i) => operation(`${i} polls`, (visitors) => visitors.shorten(i))),
      fc.constant(operation('a long turn ends', (visitors) => visitors.endLongTurn())),
      index.map((i) => operation(`${i} buys`, (visitors) => visitors.spend(i))),
      index.map((i) => operation(`${i} ends`, (visitors) => visitors.end(i))),
      offset.map((ms) =>
        operation(`turns since now + ${ms}`, (all) => all.at(ms, (each, at) => each.turnsSince(at))),
      ),
      offset.map((ms) =>
        operation(`expire turns of now + ${ms}`, (all) => all.at(ms, (each, at) => each.expire(at, at - 2))),
      ),
      fc.constant(operation('run out', (all) => all.at(0, (each, at) => each.runOut(at)))),
      offset.map((ms) =>
        operation(`stock of now + ${ms}`, (all) => all.at(ms, (each, at) => each.seeStockOf(at))),
      ),
    ],
    { look: (visitors) => visitors.all },
  )
})
