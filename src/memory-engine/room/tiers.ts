import { TIER, type TierState, tierOf } from '../../engine/room.js'
import type { PresentVisitors } from './present-visitors.js'
import { Queue } from './queue.js'
import { QueueSpeed } from './queue-speed.js'

/** A tier: its queue, and what it is called. */
export interface Tier {
  readonly index: number
  name: string | null
  readonly queue: Queue
}

/** The queues of a room. A room without tiers has one. */
export class Tiers {
  readonly #claimMs: number
  readonly #latest = { version: 0 }
  readonly #speed = new QueueSpeed()
  /** In the order of their priority. */
  #tiers: readonly Tier[] = []
  /** By index. */
  readonly #queues: Queue[] = []

  constructor(claimMs: number, names: readonly string[], now: number) {
    this.#claimMs = claimMs
    this.#tiers = (names.length === 0 ? [null] : names).map((name) => this.#add(name, now))
  }

  get inOrder(): readonly Tier[] {
    return this.#tiers
  }

  get goneVersion(): number {
    return this.#latest.version
  }

  /** How many numbers were given. */
  get tail(): number {
    return this.#queues.reduce((sum, { tail }) => sum + tail, 0)
  }

  get called(): number {
    return this.#queues.reduce((sum, { called }) => sum + called, 0)
  }

  /** How many numbers were shuffled. */
  get drawn(): number | null {
    if (this.#queues[0]!.drawn === null) return null
    return this.#queues.reduce((sum, { drawn }) => sum + drawn!, 0)
  }

  get waiting(): number {
    return this.#queues.reduce((sum, { waiting }) => sum + waiting, 0)
  }

  /** The queue of a number. */
  of(number: number): Queue {
    return this.#queues[tierOf(number)]!
  }

  named(name: string | null): Tier | undefined {
    return name === null ? this.#tiers.at(-1) : this.#tiers.find((tier) => tier.name === name)
  }

  /** The tier of higher priority: that of the number, or the other. */
  better(number: number, other: Tier): Tier {
    return this.#tiers.find((tier) => tier === other || tier.index === tierOf(number))!
  }

  /** A number at the end of the tier of this index. */
  lengthen(index: number, now: number): number {
    return index * TIER + this.#queues[index]!.lengthen(now)
  }

  depart(number: number): void {
    this.of(number).gone.add(number % TIER)
  }

  /** `names`: in the new order, with those that there are. The first names come with this. */
  reorder(names: readonly string[], now: number): void {
    const [only] = this.#tiers
    if (only!.name === null) only!.name = names.at(-1)!
    this.#tiers = names.map((name) => this.named(name) ?? this.#add(name, now))
  }

  draw(now: number): void {
    for (const queue of this.#queues) queue.shuffle(now)
  }

  /** Takes the samples of this moment, before anything changes. */
  sample(now: number, doorTime: number, opened: boolean): void {
    for (const queue of this.#queues) queue.sample(now)
    if (opened) this.restIfEmpty(doorTime)
    else this.restartSpeed(doorTime)
    this.#speed.sample(doorTime, this.called)
  }

  speed(doorTime: number, rate: number): number {
    return this.#speed.of(doorTime, this.called, rate)
  }

  restartSpeed(doorTime: number): void {
    this.#speed.restart(doorTime, this.called)
  }

  /** If all visitors have been called, the queue says nothing about speed. */
  restIfEmpty(doorTime: number): void {
    if (this.called >= this.tail) this.restartSpeed(doorTime)
  }

  note(doorTime: number): void {
    for (const queue of this.#queues) queue.note(doorTime)
  }

  changedAfter(version: number) {
    return this.#queues.flatMap(({ gone }, tier) =>
      gone.changedAfter(version).map(({ index, bits }) => ({ index: tier * CHUNKS + index, bits })),
    )
  }

  states(visitors: PresentVisitors, near: number): TierState[] {
    return this.#tiers.map(({ index, name, queue: { tail, called, waiting, drawn } }) => {
      const present = visitors.countUpTo(index * TIER + called) - visitors.countUpTo(index * TIER)
      return { index, name, tail, called, reach: called + near, present, waiting, drawn }
    })
  }

  #add(name: string | null, now: number): Tier {
    const queue = new Queue(this.#claimMs, now, this.#latest)
    // Where the others were drawn, there is nothing to draw any more.
    if (this.#queues.length > 0 && this.drawn !== null) queue.shuffle(now)
    return { name, queue, index: this.#queues.push(queue) - 1 }
  }
}

/** How many chunks of departed numbers the numbers of a tier have. */
const CHUNKS = TIER / 65_536
