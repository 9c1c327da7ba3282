import { type RoomState, type StoredRoomRules, TOKEN } from '../engine/room.js'
import type { QueuePosition } from './results.js'

/** Near the head of the queue, in ms: often enough never to count as away. */
const DOOR_POLL_MS = 1_000
/**
 * The shortest of these intervals, in ms. The last poll aims at the moment of the turn: turns that
 * wait for their visitors make the rate uneven.
 */
const TURN_POLL_MS = 250
const MIN_POLL_MS = 1_000
const MAX_POLL_MS = 30_000
/** While Redis is away: longer than any other interval, whatever the jitter. */
const MAX_AWAY_MS = 60_000
/** While the time to wait is unknown. */
const UNKNOWN_POLL_MS = 5_000
/**
 * Polls of a visitor during their wait: a turn that comes much sooner than estimated still finds
 * its visitor.
 */
const POLLS_A_WAIT = 6
/** Right after a draw every visitor polls; the polls are spread to this many a second. */
const DRAW_POLLS_PER_SECOND = 50_000

/** Estimates when a visitor's turn comes, and when they should poll again. */
export class EtaEstimator {
  readonly #rules: StoredRoomRules
  readonly #random: () => number

  constructor(rules: StoredRoomRules, random: () => number) {
    this.#rules = rules
    this.#random = random
  }

  /**
   * @param position 1 is next.
   * @param rank `null` while it is not drawn.
   * @param now The server's time.
   * @param reach Of the visitor's tier.
   */
  estimate(
    state: RoomState,
    position: number,
    rank: number | null,
    now: number,
    reach = state.reach,
  ): QueuePosition {
    const opensIn = state.opened ? 0 : Math.max(0, (state.opensAt ?? 0) - now)
    const waits = this.#waitMs(state, position)
    const etaMs = waits === null ? null : Math.ceil(opensIn + waits)
    if (rank === null) return { position, etaMs, pollAfterMs: this.#untilDraw(state, opensIn) }
    if (opensIn === 0 && waits === 0) return { position, etaMs, pollAfterMs: this.#soon() }
    if (opensIn < DOOR_POLL_MS && rank <= reach) {
      const soonest = Math.max(TURN_POLL_MS, etaMs ?? DOOR_POLL_MS)
      const pollAfterMs = this.#jittered(Math.min(DOOR_POLL_MS, this.#rules.claimMs / 3, soonest))
      return { position, etaMs, pollAfterMs }
    }
    const base = etaMs === null ? UNKNOWN_POLL_MS : etaMs / POLLS_A_WAIT
    return { position, etaMs, pollAfterMs: this.#jittered(clamp(base, MIN_POLL_MS, MAX_POLL_MS)) }
  }

  /** While Redis is away: the same position again, with a later next poll. */
  later(known: QueuePosition): QueuePosition {
    const longer = clamp(known.pollAfterMs * 3, UNKNOWN_POLL_MS, MAX_AWAY_MS)
    return { ...known, pollAfterMs: this.#jittered(longer) }
  }

  #waitMs({ paused, pace, tokens, speed }: RoomState, position: number): number | null {
    if (paused || pace.rate === 0) return null
    if (position <= Math.floor(tokens / TOKEN)) return 0
    return speed > 0 ? (position * 1_000_000) / speed : null
  }

  #untilDraw({ waiting }: RoomState, opensIn: number): number {
    const spread = clamp((waiting * 1_000) / DRAW_POLLS_PER_SECOND, MIN_POLL_MS, 10 * MIN_POLL_MS)
    if (opensIn <= MAX_POLL_MS) return Math.ceil(opensIn + this.#random() * spread)
    return this.#jittered(clamp(opensIn / POLLS_A_WAIT, MIN_POLL_MS, MAX_POLL_MS))
  }

  #soon(): number {
    return Math.ceil(this.#random() * 100)
  }

  #jittered(ms: number): number {
    return Math.ceil(ms * (0.8 + 0.4 * this.#random()))
  }
}

function clamp(value: number, min: number, max: number): number {
  return Math.min(max, Math.max(min, value))
}
