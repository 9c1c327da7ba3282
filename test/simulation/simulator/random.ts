import { random } from '../../../src/testing/random.js'

/** The numbers of one run, all from its seeds. */
export class Random {
  /** From 0 to below 1. */
  readonly next: () => number

  constructor(...seeds: readonly number[]) {
    this.next = random(...seeds)
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }

  /** A whole number, both ends included. */
  whole(min: number, max: number): number {
    return min + Math.floor(this.next() * (max - min + 1))
  }

  pick<T>(from: readonly T[]): T {
    return from[this.whole(0, from.length - 1)]!
  }

  /** A source of its own: what one part of a run draws changes nothing for the others. */
  fork(): Random {
    return new Random(this.whole(0, 2 ** 31), this.whole(0, 2 ** 31))
  }
}
