import { Forecast } from './eta.js'
import type { Place, PollResult } from './results.js'
import type { RoomAccess } from './room-client.js'
import type { Keeper } from './room-poller.js'
import type { Visitor } from './ticket-cache.js'

/** Where visitors stand, from what this process knows of its room. Only to be asked once the room has been read. */
export class Standing {
  readonly #access: RoomAccess
  readonly #keeper: Keeper
  #forecast: Forecast | undefined

  constructor(access: RoomAccess, keeper: Keeper) {
    this.#access = access
    this.#keeper = keeper
  }

  /** Whether this visitor must ask the engine: near the door, or called already. */
  isExpected({ rank }: Visitor): boolean {
    const state = this.#keeper.state!
    if (state.closed !== null && rank > state.called) return false
    return this.#isDrawn && rank <= state.reach
  }

  /** @param ahead How many at the door come first, if the visitor is there. */
  of({ rank }: Visitor, ahead: number | null = null): Place {
    const state = this.#keeper.state!
    if (!this.#isDrawn) return this.#foresee(Math.max(1, state.waiting), null)
    const { line } = this.#keeper
    const position =
      rank <= state.called
        ? (ahead ?? 0) + 1
        : state.atDoor + rank - state.called - line.goneBetween(state.called, rank)
    return this.#foresee(position, rank)
  }

  /** How many come before a visitor who was called, without asking: as many as the visitor was told last, or all the others. */
  aheadAtMost({ told }: Visitor): number {
    const others = Math.max(0, this.#keeper.state!.atDoor - 1)
    return told !== undefined && told <= others ? told - 1 : others
  }

  /** Whether more stand before this position than there are units for. */
  isLate(position: number): boolean {
    const { capacity, outstanding } = this.#keeper.state!
    return capacity !== null && position > capacity - outstanding
  }

  /** What a visitor is told while the engine is away: the same position again, and to come later. */
  whileAway(visitor: Visitor): PollResult {
    const { closed, called } = this.#keeper.state!
    if (closed !== null && visitor.rank > called) return { status: 'closed', reason: closed }
    const known =
      visitor.told === undefined
        ? this.of(visitor)
        : this.#foresee(visitor.told, this.#isDrawn ? visitor.rank : null)
    const place = this.#forecast!.later(known)
    return { status: 'waiting', ...place, soldOutLikely: this.isLate(place.position) }
  }

  /** Whether the rank of each visitor is known. */
  get #isDrawn(): boolean {
    return this.#keeper.state!.drawn !== null || this.#access.known!.rules.order === 'fifo'
  }

  #foresee(position: number, rank: number | null): Place {
    const state = this.#keeper.state!
    this.#forecast ??= new Forecast(this.#access.known!.rules, this.#access.timing.random)
    // Once it is open the time of day makes no difference.
    return this.#forecast.place(state, position, rank, state.opened ? 0 : this.#access.now())
  }
}
