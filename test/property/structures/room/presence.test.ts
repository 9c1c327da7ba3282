import fc from 'fast-check'
import { test } from 'vitest'
import { GAP_MS, PRESENT_MS } from '../../../../src/engine/room.js'
import { Presence } from '../../../../src/memory-engine/room/presence.js'
import type { RankedVisitor } from '../../../../src/memory-engine/room/ranked-visitor.js'
import { operation, sameAsModel } from '../../../support/same-as-model.js'

type Watch = Pick<
  Presence,
  | 'time'
  | 'pass'
  | 'remembers'
  | 'hasReturned'
  | 'see'
  | 'welcomeBack'
  | 'passOver'
  | 'isAway'
  | 'forget'
  | 'forgetAfter'
> & {
  readonly visitors: Pick<Presence['visitors'], 'first'>
}

/** Who was seen when, and in which of the periods between two gaps. */
class Model implements Watch {
  time = 0
  #period = 0
  #running = true
  #seen: { readonly place: RankedVisitor; readonly at: number; readonly period: number }[] = []
  #returned: { readonly place: RankedVisitor; readonly at: number; readonly period: number }[] = []

  readonly visitors = {
    first: (): RankedVisitor | undefined =>
      [...this.#seen, ...this.#returned]
        .map(({ place }) => place)
        .filter(({ rank }) => rank !== null)
        .sort((a, b) => a.rank! - b.rank! || a.number - b.number)[0],
  }

  pass(elapsed: number, running: boolean): void {
    const isGap = elapsed > GAP_MS || !this.#running
    this.#running = running
    if (!running) return
    this.time += elapsed < GAP_MS ? elapsed : GAP_MS
    if (!isGap) return
    // What was seen before a gap is a ms older at least.
    this.time++
    this.#period++
  }

  remembers(place: RankedVisitor): boolean {
    return this.#find(place) !== undefined
  }

  hasReturned(place: RankedVisitor): boolean {
    return this.#returned.some((each) => each.place === place)
  }

  welcomeBack(place: RankedVisitor, rank: number): void {
    this.forget(place)
    place.rank = rank
    this.#returned.push({ place, at: this.time, period: this.#period })
  }

  passOver(place: RankedVisitor): void {
    place.rank = null
    if (this.hasReturned(place)) return
    if (this.#find(place)!.period !== this.#period) return
    this.forget(place)
    place.offered = 'token'
  }

  see(place: RankedVisitor, rank: number): void {
    this.forget(place)
    place.rank = rank
    this.#seen.push({ place, at: this.time, period: this.#period })
  }

  isAway(place: RankedVisitor, waits: boolean): boolean {
    const returned = this.#returned.find((each) => each.place === place)
    if (returned && waits) return false
    const { at, period } = returned ?? this.#find(place)!
    return period !== this.#period || this.time > at + PRESENT_MS
  }

  forget(place: RankedVisitor): void {
    this.#seen = this.#seen.filter((each) => each.place !== place)
    this.#returned = this.#returned.filter((each) => each.place !== place)
    place.rank = null
  }

  forgetAfter(ms: number): void {
    for (const { place, at } of this.#seen) if (this.time >= at + ms) this.forget(place)
  }

  #find(place: RankedVisitor) {
    return this.#seen.find((each) => each.place === place)
  }
}

class Visitors {
  readonly #places: RankedVisitor[] = [...Array(6).keys()].map((number) => ({
    ...{ buyer: `${number}`, visitId: number, number, rank: null, expiresAt: null, offered: null, missed: 0 },
  }))

  constructor(readonly watch: Watch) {}

  /** A visitor who has returned stays so. */
  see(index: number, rank: number): void {
    const place = this.#places[index]!
    if (!this.watch.hasReturned(place)) this.watch.see(place, rank)
  }

  welcomeBack(index: number, rank: number): void {
    this.watch.welcomeBack(this.#places[index]!, rank)
  }

  /** As admission does. */
  passOverFirst(waits: boolean): void {
    const first = this.watch.visitors.first()
    if (first && this.watch.isAway(first, waits)) this.watch.passOver(first)
  }

  forget(index: number): void {
    this.watch.forget(this.#places[index]!)
  }

  get all(): unknown {
    const { watch } = this
    const each = this.#places.map((place) => [
      ...[place.rank, place.offered, watch.hasReturned(place), watch.remembers(place)],
      ...[false, true].map(
        (waits) => (watch.remembers(place) || watch.hasReturned(place)) && watch.isAway(place, waits),
      ),
    ])
    return [watch.time, watch.visitors.first()?.number, each]
  }
}

test('a visitor is present up to the last ms, away after it, and after a gap until seen again', () => {
  const index = fc.nat(5)
  const boundary = [0, 1, GAP_MS - 1, GAP_MS, GAP_MS + 1, PRESENT_MS - GAP_MS, PRESENT_MS]
  sameAsModel<Visitors>(
    () => ({ real: new Visitors(new Presence()), model: new Visitors(new Model()) }),
    [
      fc
        .tuple(fc.constantFrom(...boundary), fc.boolean())
        .map(([ms, running]) =>
          operation(`${ms} ms pass, ${running ? 'running' : 'resting'}`, ({ watch }) =>
            watch.pass(ms, running),
          ),
        ),
      fc.constant(
        operation(`exactly PRESENT_MS pass`, ({ watch }) => {
          for (let left = PRESENT_MS; left > 0; left -= GAP_MS) watch.pass(Math.min(left, GAP_MS), true)
        }),
      ),
      fc
        .tuple(index, fc.nat(4))
        .map(([i, rank]) => operation(`see ${i} at ${rank}`, (visitors) => visitors.see(i, rank))),
      fc
        .tuple(index, fc.nat(4))
        .map(([i, rank]) =>
          operation(`welcome ${i} back at ${rank}`, (visitors) => visitors.welcomeBack(i, rank)),
        ),
      fc
        .boolean()
        .map((waits) =>
          operation(`pass the first over, ${waits}`, (visitors) => visitors.passOverFirst(waits)),
        ),
      index.map((i) => operation(`forget ${i}`, (visitors) => visitors.forget(i))),
      fc
        .constantFrom(1, GAP_MS, PRESENT_MS)
        .map((ms) => operation(`forget after ${ms}`, ({ watch }) => watch.forgetAfter(ms))),
    ],
    { runs: 150, calls: 60, look: (visitors) => visitors.all },
  )
})
