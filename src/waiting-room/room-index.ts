import { type RoomState, TIER, tierOf } from '../engine/room.js'
import { QueueIndex } from './queue-index.js'

const CHUNKS = TIER / 65_536

/** The queues of all tiers as this process knows them. */
export class RoomIndex {
  readonly #queues = [new QueueIndex()]

  /** Applies a new state of the room. */
  update({ drawn, seed, gone, tiers }: Pick<RoomState, 'drawn' | 'seed' | 'gone' | 'tiers'>): void {
    if (tiers.length <= 1) {
      this.#queues[0]!.update({ drawn, seed, gone })
      return
    }
    for (const tier of tiers) {
      const queue = this.#of(tier.index)
      const chunks = gone.filter(({ index }) => Math.floor(index / CHUNKS) === tier.index)
      const own = chunks.map(({ index, bits }) => ({ index: index % CHUNKS, bits }))
      queue.update({ drawn: tier.drawn, seed, gone: own })
    }
  }

  get hasTiers(): boolean {
    return this.#queues.length > 1
  }

  /** Whether the queues were shuffled. */
  get isDrawn(): boolean {
    return this.#queues[0]!.isDrawn
  }

  rankOf(number: number): number {
    // Of polls by the thousand nearly all are of the first tier, and a division takes its time.
    if (number < TIER) return this.#queues[0]!.rankOf(number)
    return this.#of(tierOf(number)).rankOf(number % TIER)
  }

  /** How many ranks of the tier of this number, after `from` and before `to`, were given up. */
  goneBetween(number: number, from: number, to: number): number {
    return this.#of(tierOf(number)).goneBetween(from, to)
  }

  /** Whether this rank of the tier of this number was given up. */
  isGone(number: number, rank: number): boolean {
    return this.#of(tierOf(number)).isGone(rank)
  }

  #of(tier: number): QueueIndex {
    const known = this.#queues[tier]
    if (known) return known
    const queue = new QueueIndex()
    this.#queues[tier] = queue
    return queue
  }
}
