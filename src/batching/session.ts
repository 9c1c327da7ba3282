import { type Clock, processClock } from '../engine/clock.js'
import { LAYOUT } from '../engine/layout.js'
import type { Call, Incompatible, Reply } from '../engine/port.js'
import { digitsOf } from '../engine/reservation-id.js'
import { StockholdError } from '../errors.js'
import { type BatchPlace, NO_PLACE } from '../telemetry/report-batch.js'
import { type Gone, SeenHistory } from './rollback-detection.js'
import { ServerClock } from './server-clock.js'

/** The limit of calls in flight of a handle, over all its partitions. */
export interface InFlightLimit {
  readonly max: number
  open: number
}

/** What the calls of a handle to one port share. */
export class Session {
  readonly #name: string
  readonly #inFlight: InFlightLimit
  readonly history: SeenHistory
  readonly time: ServerClock
  /**
   * Asks why the sale or room is not there as this handle knows it, and whether the call may be
   * sent again. `undefined`: nothing more is known.
   */
  explain: ((outcome: Gone) => Promise<'again' | StockholdError> | undefined) | undefined
  /** The calls of this session rebuild lost data. */
  bypassFreeze = false

  /**
   * @param name The sale or room, for messages: `the sale "spring"`.
   * @param place The same, for telemetry.
   */
  constructor(
    name: string,
    gate: InFlightLimit,
    readonly clock: Clock = processClock,
    readonly place: BatchPlace = NO_PLACE,
  ) {
    this.#name = name
    this.#inFlight = gate
    this.history = new SeenHistory(name)
    this.time = new ServerClock(clock)
  }

  /** Counts a call; returns an error if too many are in flight. */
  enter(): StockholdError | undefined {
    if (this.#inFlight.open < this.#inFlight.max) {
      this.#inFlight.open++
      return undefined
    }
    return new StockholdError(
      'OVERLOADED',
      `${this.#inFlight.max} calls are open (maxInFlight). Nothing was sent.`,
    )
  }

  leave(): void {
    this.#inFlight.open--
  }

  /** What a call tells of this handle. @param deadline By the clock of this process. */
  newCall(deadline: number): Call {
    const drawn = this.clock.random() * 2 ** 48
    return {
      incarnation: this.history.incarnation,
      deadline: this.time.at(deadline),
      minTime: this.time.lastNow,
      lastSeen: this.history.told,
      // A unique name for the writes of the call.
      batchId: digitsOf(drawn / 2 ** 24) + digitsOf(drawn % 2 ** 24),
      bypassFreeze: this.bypassFreeze,
    }
  }

  /**
   * @param sentAt When the call was sent, by the clock.
   * @param sentTo The incarnation that the call named.
   */
  recordReply(reply: Reply<unknown>, sentAt: number, sentTo = this.history.incarnation): void {
    const isDone = reply.outcome === 'done'
    this.time.record(reply.now, isDone ? reply.clock : reply.now, sentAt)
    if (isDone) this.history.record(reply, sentTo)
  }

  /** Why a batch was not executed. */
  refusal(reply: Exclude<Reply<unknown>, { outcome: 'done' }>): StockholdError {
    return reply.outcome === 'incompatible' ? this.#incompatible(reply) : this.history.error(reply.outcome)
  }

  #incompatible({ layout, part }: Incompatible): StockholdError {
    const isPlural = part === 'groups'
    const name = isPlural ? `the consumer groups of ${this.#name}` : this.#name
    const subject = name.replace(/^./, (first) => first.toUpperCase())
    const advice = isPlural
      ? 'Follow the sale with the version that made them.'
      : 'Run the version that made it, or use another name.'
    return new StockholdError(
      'INCOMPATIBLE_VERSION',
      `${subject} ${isPlural ? 'are' : 'is'} stored in layout ${layout}; this version of stockhold reads layout ${LAYOUT}. Nothing was executed. ${advice}`,
    )
  }
}
