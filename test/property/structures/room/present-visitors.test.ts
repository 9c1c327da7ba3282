import fc from 'fast-check'
import { test } from 'vitest'
import { PresentVisitors } from '../../../../src/memory-engine/room/present-visitors.js'
import type { RankedVisitor } from '../../../../src/memory-engine/room/ranked-visitor.js'
import { type Operation, operation, sameAsModel } from '../../../support/same-as-model.js'

type AnyDoor = Pick<PresentVisitors, 'first' | 'has' | 'put' | 'remove' | 'ahead' | 'countUpTo'>

/** One sorted list. */
class Model implements AnyDoor {
  #places: RankedVisitor[] = []

  first(): RankedVisitor | undefined {
    return this.#places[0]
  }

  has(place: RankedVisitor): boolean {
    return this.#places.includes(place)
  }

  put(place: RankedVisitor, rank: number): void {
    this.remove(place)
    place.rank = rank
    const behind = this.#places.findIndex((each) => (each.rank! - rank || each.number - place.number) > 0)
    this.#places.splice(behind < 0 ? this.#places.length : behind, 0, place)
  }

  remove(place: RankedVisitor): void {
    this.#places = this.#places.filter((each) => each !== place)
    place.rank = null
  }

  ahead(place: RankedVisitor): number {
    return this.#places.indexOf(place)
  }

  countUpTo(rank: number): number {
    return this.#places.filter((each) => each.rank! <= rank).length
  }
}

/** A door and the places that may stand there, by number. */
class Visitors {
  readonly #door: AnyDoor
  readonly #places: readonly RankedVisitor[]

  constructor(door: AnyDoor, count: number) {
    this.#door = door
    this.#places = Array.from({ length: count }, (_, number) => ({
      ...{
        buyer: `${number}`,
        visitId: number,
        number,
        rank: null,
        expiresAt: null,
        offered: null,
        missed: 0,
      },
    }))
  }

  get first(): number | undefined {
    return this.#door.first()?.number
  }

  put(number: number, rank: number): void {
    this.#door.put(this.#places[number]!, rank)
  }

  remove(number: number): void {
    this.#door.remove(this.#places[number]!)
  }

  /** Rank, and how many stand before: -1 for a visitor who is not at the door. */
  at(number: number): string {
    const place = this.#places[number]!
    const there = this.#door.has(place)
    return `${place.rank} ${there ? this.#door.ahead(place) : -1}`
  }

  get all(): string[] {
    return this.#places.map((_, number) => this.at(number))
  }

  countUpTo(rank: number): number {
    return this.#door.countUpTo(rank)
  }

  /** In the order in which they are first. */
  removeFirst(count: number): number[] {
    const removed: number[] = []
    for (let i = 0; i < count && this.first !== undefined; i++) {
      removed.push(this.first)
      this.remove(this.first)
    }
    return removed
  }
}

const operations = (places: number, ranks: number): fc.Arbitrary<Operation<Visitors>>[] => {
  const number = fc.nat(places - 1)
  const rank = fc.nat(ranks)
  return [
    fc
      .tuple(number, rank)
      .map(([one, at]) => operation(`put ${one} at ${at}`, (visitors) => visitors.put(one, at))),
    number.map((one) => operation(`remove ${one}`, (visitors) => visitors.remove(one))),
    number.map((one) => operation(`where is ${one}`, (visitors) => visitors.at(one))),
    rank.map((at) => operation(`count up to ${at}`, (visitors) => visitors.countUpTo(at))),
    fc
      .nat(3)
      .map((count) => operation(`remove the first ${count}`, (visitors) => visitors.removeFirst(count))),
    fc.constant(operation('first', (visitors) => visitors.first)),
  ]
}

const start = (places: number) => () => ({
  real: new Visitors(new PresentVisitors(), places),
  model: new Visitors(new Model(), places),
})

test('a few present visitors answer as one sorted list would, equal ranks by number', () => {
  sameAsModel<Visitors>(start(12), operations(12, 8))
})

test('several blocks of present visitors answer as one sorted list would', () => {
  const crowd = 1_700
  const spread = fc.tuple(fc.constantFrom(1, 7, 1_699), fc.nat(2_000)).map(([step, ranks]) =>
    operation<Visitors>(`all come, ${step} apart, to ranks below ${ranks + 1}`, (visitors) => {
      for (let i = 0; i < crowd; i++) {
        const number = (i * step) % crowd
        visitors.put(number, (number * 31) % (ranks + 1))
      }
    }),
  )
  const leave = fc.tuple(fc.nat(crowd - 1), fc.nat(700)).map(([from, count]) =>
    operation<Visitors>(`${count} leave from ${from} on`, (visitors) => {
      for (let i = 0; i < count; i++) visitors.remove((from + i) % crowd)
    }),
  )
  const first = fc
    .nat(600)
    .map((count) =>
      operation<Visitors>(`remove the first ${count}`, (visitors) => visitors.removeFirst(count)),
    )
  const all = fc.constant(operation<Visitors>('where is everyone', (visitors) => visitors.all))
  sameAsModel<Visitors>(start(crowd), [...operations(crowd, 2_000), spread, leave, first, all], {
    ...{ runs: 8, calls: 10 },
  })
})
