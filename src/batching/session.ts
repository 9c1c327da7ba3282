import { type Clock, processClock } from '../engine/clock.js'
import { LAYOUT } from '../engine/layout.js'
import type { Call, Incompatible, LogOffset, Reply } from '../engine/port.js'
import { StockholdError } from '../errors.js'
import { type BatchPlace, NO_PLACE } from '../telemetry/report-batch.js'

/** The limit of calls in flight of a handle, over all its partitions. */
export interface InFlightLimit {
  readonly max: number
  open: number
}

/** A sale or room is not there as a handle knows it. */
export type Gone = 'missing' | 'lost' | 'rolled_back'

/**
 * The facts a handle has learned of one port: its incarnation, its time, and the latest point of
 * its history.
 */
export class Session {
  readonly #name: string
  #incarnation: string | null = null
  /** Of which incarnation `sequence`, `lastSeen` and `revision` tell. */
  #seen: string | null = null
  /** The latest server time seen. */
  lastNow = 0
  /** The sequence number in the latest reply. */
  sequence = 0
  /** The furthest point of the history that was seen. */
  lastSeen: LogOffset | null = null
  /** The revision of the rules in the latest reply that had one. */
  revision = 0
  /** Called with each reply that has a revision. */
  onRevision: (() => void) | undefined
  /** Called whenever `sequence` has grown. */
  readonly onChange = new Set<() => void>()
  /**
   * Asks why the sale or room is not there as this handle knows it, and whether the call may be
   * sent again. `undefined`: nothing more is known.
   */
  explain: ((outcome: Gone) => Promise<'again' | StockholdError> | undefined) | undefined
  /** The calls of this session rebuild lost data. */
  bypassFreeze = false
  /** How far the time of the latest reply was ahead of the server's clock. ms */
  #ahead = 0
  /**
   * A lower bound of the server's clock minus this clock, from the reply that took the least time.
   */
  #offset = Number.NEGATIVE_INFINITY
  #learning: Promise<void> | undefined

  readonly #inFlight: InFlightLimit

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
  }

  /** The incarnation this handle works with; `null` until it has seen the sale. */
  get incarnation(): string | null {
    return this.#incarnation
  }

  set incarnation(incarnation: string | null) {
    this.#incarnation = incarnation
    if (incarnation !== null) this.#see(incarnation)
  }

  /** What was seen of another incarnation says nothing of this one. */
  #see(incarnation: string): void {
    if (this.#seen !== null && this.#seen !== incarnation) {
      this.sequence = 0
      this.lastSeen = null
      this.revision = 0
    }
    this.#seen = incarnation
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

  /**
   * @param sentAt When the call was sent, by the clock.
   * @param sentTo The incarnation that the call named.
   */
  recordReply(reply: Reply<unknown>, sentAt: number, sentTo = this.#incarnation): void {
    this.lastNow = Math.max(this.lastNow, reply.now)
    const clock = reply.outcome === 'done' ? reply.clock : reply.now
    this.#measure(clock, sentAt)
    this.#ahead = reply.now - clock
    if (reply.outcome !== 'done') return
    const replier = sentTo ?? nameIn(reply.answers)
    if (replier !== undefined) {
      // The handle has found another one since the call was sent.
      if (this.#incarnation !== null && this.#incarnation !== replier) return
      this.#see(replier)
    }
    // The generation after a recovery may begin before the last point seen of the previous one.
    const isNewLine = reply.offset && this.lastSeen && reply.offset.generation > this.lastSeen.generation
    if (reply.offset) this.advanceTo(reply.offset)
    if (reply.revision !== undefined) {
      this.revision = reply.revision
      this.onRevision?.()
    }
    if (!isNewLine && reply.sequence <= this.sequence) return
    this.sequence = reply.sequence
    for (const listener of this.onChange) listener()
  }

  /** Asks for the server's time if it is not known yet; `undefined` if it is. */
  learnTime(time: () => Promise<number>): Promise<void> | undefined {
    if (this.#offset > Number.NEGATIVE_INFINITY) return undefined
    const sentAt = this.clock.now()
    this.#learning ??= time()
      .then((now) => this.#measure(now, sentAt))
      .finally(() => {
        this.#learning = undefined
      })
    return this.#learning
  }

  /** The server's clock showed this (in whole ms) at some moment since `sentAt`. */
  #measure(clock: number, sentAt: number): void {
    const least = clock - this.clock.now()
    const most = clock + 1 - sentAt
    // A greater offset is possible only if a clock was set since: then earlier measurements are
    // void.
    this.#offset = this.#offset > most ? least : Math.max(this.#offset, least)
  }

  /** Notes that this point of the history was seen. */
  advanceTo(offset: LogOffset): void {
    if (isAfter(offset, this.lastSeen)) this.lastSeen = offset
  }

  /** What a call tells of this handle. @param deadline By this clock. */
  newCall(deadline: number): Call {
    const incarnation = this.#incarnation
    return {
      incarnation,
      deadline: this.serverClock(deadline),
      minTime: this.lastNow,
      // Any incarnation may answer a call that names none.
      lastSeen: incarnation === null ? null : this.lastSeen,
      // A unique name for the writes of the call.
      batchId: Math.floor(this.clock.random() * 2 ** 48).toString(36),
      bypassFreeze: this.bypassFreeze,
    }
  }

  /**
   * The server's clock at a moment of this clock, as far as it is known. If it is not known, the
   * only safe answer is "no limit": clocks of applications may be hours off.
   */
  serverClock(moment: number): number {
    return this.#offset === Number.NEGATIVE_INFINITY
      ? Number.MAX_SAFE_INTEGER
      : Math.floor(this.#offset + moment)
  }

  /**
   * The server's time, as far as it is known: its clock, or more while the clock is behind a time
   * it answered before.
   */
  get now(): number {
    return this.serverClock(this.clock.now()) + this.#ahead
  }

  /**
   * The latest time seen plus the time since, by a clock of this process: at half speed while the
   * time is ahead of the server's clock.
   */
  after(elapsedMs: number): number {
    return this.lastNow + Math.max(elapsedMs / 2, elapsedMs - this.#ahead)
  }

  /** Why a batch was not executed. */
  refusal(reply: Exclude<Reply<unknown>, { outcome: 'done' }>): StockholdError {
    return reply.outcome === 'incompatible' ? this.#incompatible(reply) : this.stateError(reply.outcome)
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

  stateError(outcome: Gone): StockholdError {
    if (outcome === 'rolled_back') {
      return new StockholdError(
        'ROLLBACK_DETECTED',
        `${this.#name} has come back with an older state than it acknowledged: it is frozen until it is recovered`,
      )
    }
    if (outcome === 'missing' && this.incarnation === null) {
      return new StockholdError('NOT_FOUND', `${this.#name} does not exist: create it first`)
    }
    return new StockholdError(
      'STATE_LOST',
      `${this.#name} has lost its state in Redis: nothing is sold until it is recovered`,
    )
  }
}

/** Which incarnation has answered a call that named none: such calls are answered with it. */
function nameIn([answer]: readonly unknown[]): string | undefined {
  return (answer as { readonly incarnation?: string } | undefined)?.incarnation
}

function isAfter(offset: LogOffset, known: LogOffset | null): boolean {
  if (known === null || offset.generation > known.generation) return true
  return offset.generation === known.generation && offset.sequence >= known.sequence
}
