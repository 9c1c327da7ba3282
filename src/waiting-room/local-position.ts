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
  isExpected({ rank }: Visitor): boolean {
    const state = this.#poller.state!
    if (state.closed !== null && rank > state.called) return false
    return this.#isDrawn && rank <= state.reach
  }

  /** @param ahead How many of the called visitors come first, if the engine said so. */
  of({ rank }: Visitor, ahead: number | null = null): QueuePosition {
    const state = this.#poller.state!
    if (!this.#isDrawn) return this.#estimate(Math.max(1, state.waiting), null)
    const { queue } = this.#poller
    const position =
      rank <= state.called
        ? (ahead ?? 0) + 1
        : state.present + rank - state.called - queue.goneBetween(state.called, rank)
    return this.#estimate(position, rank)
  }

  /**
   * How many come before a visitor whose turn was called, estimated without a call: as many as at
   * their last position, or all the others.
   */
  aheadAtMost({ lastPosition }: Visitor): number {
    const others = Math.max(0, this.#poller.state!.present - 1)
    return lastPosition !== undefined && lastPosition <= others ? lastPosition - 1 : others
  }

  /** Whether more visitors are ahead of this position than there are units for. */
  isLate(position: number): boolean {
    const { capacity, outstanding } = this.#poller.state!
    return capacity !== null && position > capacity - outstanding
  }

  /** The answer while the engine is away: the same position again, with a later next poll. */
  whileAway(visitor: Visitor): PollResult {
    const { closed, called } = this.#poller.state!
    if (closed !== null && visitor.rank > called) return { status: 'closed', reason: closed }
    const known =
      visitor.lastPosition === undefined
        ? this.of(visitor)
        : this.#estimate(visitor.lastPosition, this.#isDrawn ? visitor.rank : null)
    const later = this.#eta!.later(known)
    return { status: 'waiting', ...later, soldOutLikely: this.isLate(later.position) }
  }

  /** Whether the rank of each visitor is known. */
  get #isDrawn(): boolean {
    return this.#poller.state!.drawn !== null || this.#client.known!.rules.order === 'fifo'
  }

  #estimate(position: number, rank: number | null): QueuePosition {
    const state = this.#poller.state!
    this.#eta ??= new EtaEstimator(this.#client.known!.rules, this.#client.clock.random)
    // Once the room is open, the time of day makes no difference.
    return this.#eta.estimate(state, position, rank, state.opened ? 0 : this.#client.now())
  }
}
