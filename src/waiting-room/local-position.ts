import { TIER, type TierState, tierOf } from '../engine/room.js'
import { EtaEstimator } from './eta.js'
import type { PollResult, QueuePosition } from './results.js'
import type { RoomClient } from './room-client.js'
import type { RoomPoller } from './room-poller.js'
import type { Visitor } from './ticket-cache.js'

/**
 * The positions of visitors, from what this process knows of its room. May only be used once the
 * room has been read.
 */
export class LocalPosition {
  readonly #client: RoomClient
  readonly #poller: RoomPoller
  #eta: EtaEstimator | undefined

  constructor(client: RoomClient, poller: RoomPoller) {
    this.#client = client
    this.#poller = poller
  }

  /** Whether this visitor must ask the engine: their turn is near, or was called already. */
  isExpected({ number, rank }: Visitor): boolean {
    const state = this.#poller.state!
    if (!this.#isDrawn) return false
    if (this.#hasRisen(number, rank)) return true
    const { called, reach } = this.#tier(number)
    return rank <= (state.closed === null ? reach : called)
  }

  /**
   * Whether the ticket may name a number that its visitor gave up for one of a higher tier. Only
   * the engine knows.
   */
  #hasRisen(number: number, rank: number): boolean {
    return this.#poller.state!.tiers.length > 1 && this.#poller.queue.isGone(number, rank)
  }

  /** Whether the visitor of this number has left, as far as this process knows. */
  isGone({ number, rank }: Visitor): boolean {
    return (
      !this.#hasRisen(number, rank) &&
      rank > this.#tier(number).called &&
      this.#poller.queue.isGone(number, rank)
    )
  }

  /** @param ahead How many of the called visitors of the tier come first, if the engine said so. */
  of({ number, rank }: Visitor, ahead: number | null = null): QueuePosition {
    const { called, present, reach } = this.#tier(number)
    if (!this.#isDrawn) return this.#estimate(Math.max(1, this.#waitingUpTo(number)), null)
    const position =
      rank <= called
        ? (ahead ?? 0) + 1
        : present + rank - called - this.#poller.queue.goneBetween(number, called, rank)
    return this.#estimate(this.#inHigherTiers(number) + position, rank, reach)
  }

  /**
   * How many of the tier come before a visitor whose turn was called, estimated without a call: as
   * many as at their last position, or all the others.
   */
  aheadAtMost({ number, lastPosition }: Visitor): number {
    const others = Math.max(0, this.#tier(number).present - 1)
    const ahead = (lastPosition ?? 0) - this.#inHigherTiers(number) - 1
    return ahead >= 0 && ahead < others ? ahead : others
  }

  /** The tier of a number. Of one that was made just now this process may not know: it is empty. */
  #tier(number: number): Pick<TierState, 'called' | 'present' | 'reach'> {
    const state = this.#poller.state!
    const own = tierOf(number)
    for (const tier of state.tiers) if (tier.index === own) return tier
    return state
  }

  /** Whether a number comes before another. */
  isFirst(number: number, other: number): boolean {
    const { queue, state } = this.#poller
    if (tierOf(number) === tierOf(other)) return queue.rankOf(number) < queue.rankOf(other)
    const first = state!.tiers.find(({ index }) => index === tierOf(number) || index === tierOf(other))
    return first?.index === tierOf(number)
  }

  /** How many wait in the tiers of higher priority. */
  #inHigherTiers(number: number): number {
    let sum = 0
    for (const { index, tail, called, present } of this.#poller.state!.tiers) {
      if (index === tierOf(number)) break
      const beyond = this.#poller.queue.goneBetween(index * TIER, called, tail + 1)
      sum += present + tail - called - beyond
    }
    return sum
  }

  /** How many wait in this tier and in those of higher priority. */
  #waitingUpTo(number: number): number {
    const { tiers, waiting } = this.#poller.state!
    const last = tiers.findIndex(({ index }) => index === tierOf(number))
    if (last < 0 || tiers.length === 1) return waiting
    return tiers.slice(0, last + 1).reduce((sum, tier) => sum + tier.waiting, 0)
  }

  /** Whether more visitors are ahead of this position than there are units for. */
  isLate(position: number): boolean {
    const { capacity, outstanding } = this.#poller.state!
    return capacity !== null && position > capacity - outstanding
  }

  /** The answer while the engine is away: the same position again, with a later next poll. */
  whileAway(visitor: Visitor): PollResult {
    const { closed } = this.#poller.state!
    const { called, reach } = this.#tier(visitor.number)
    if (closed !== null && visitor.rank > called) return { status: 'closed', reason: closed }
    const known =
      visitor.lastPosition === undefined
        ? this.of(visitor)
        : this.#estimate(visitor.lastPosition, this.#isDrawn ? visitor.rank : null, reach)
    const later = this.#eta!.later(known)
    return { status: 'waiting', ...later, soldOutLikely: this.isLate(later.position) }
  }

  /** Whether the rank of each visitor is known. */
  get #isDrawn(): boolean {
    return this.#poller.state!.drawn !== null || this.#client.known!.rules.order === 'fifo'
  }

  #estimate(position: number, rank: number | null, reach?: number): QueuePosition {
    const state = this.#poller.state!
    this.#eta ??= new EtaEstimator(this.#client.known!.rules, this.#client.clock.random)
    // Once the room is open, the time of day makes no difference.
    return this.#eta.estimate(state, position, rank, state.opened ? 0 : this.#client.now(), reach)
  }
}
