import { type Clock, processClock } from '../engine/clock.js'
import { LAYOUT } from '../engine/layout.js'
import type { Incompatible, LogOffset, Reply } from '../engine/port.js'
import { StockholdError } from '../errors.js'

/** How many calls of a handle, over all its partitions, may be open at a time. */
export interface InFlightLimit {
  readonly max: number
  open: number
}

/**
 * What a handle has learned of one port: which incarnation it is, its time, and how far its history
 * went.
 */
export class Session {
  readonly #name: string
  /** The incarnation this handle works with; `null` until it has seen the sale. */
  incarnation: string | null = null
  /** The latest server time seen. */
  lastNow = 0
  /** The sequence number in the latest reply. */
  sequence = 0
  /** The furthest point of its history that was seen. */
  lastSeen: LogOffset | null = null
  /** Called whenever `sequence` has grown. */
  readonly onChange = new Set<() => void>()
  /** What is sent puts back what was lost. */
  bypassFreeze = false
  /** By how much the latest reply's time was ahead of the server's clock. ms */
  #ahead = 0
  /**
   * The server's clock minus the clock's, at least: by the reply that took the least time to come.
   */
  #offset = Number.NEGATIVE_INFINITY
  #learning: Promise<void> | undefined

  readonly #inFlight: InFlightLimit

  /** @param name What is reached, for messages: `the sale "spring"`. */
  constructor(
    name: string,
    gate: InFlightLimit,
    readonly clock: Clock = processClock,
  ) {
    this.#name = name
    this.#inFlight = gate
  }

  /** Counts a call in; answers why not, if there are too many. */
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

  /** @param sentAt When it was asked, by the clock. */
  recordReply(reply: Reply<unknown>, sentAt: number): void {
    this.lastNow = Math.max(this.lastNow, reply.now)
    const clock = reply.outcome === 'done' ? reply.clock : reply.now
    this.#measure(clock, sentAt)
    this.#ahead = reply.now - clock
    if (reply.outcome !== 'done') return
    // The line after a recovery may begin behind what was seen of the one before.
    const isNewLine = reply.offset && this.lastSeen && reply.offset.generation > this.lastSeen.generation
    if (reply.offset) this.advanceTo(reply.offset)
    if (!isNewLine && reply.sequence <= this.sequence) return
    this.sequence = reply.sequence
    for (const listener of this.onChange) listener()
  }

  /** Asks for the server's time, if nothing has told it so far; `undefined` if something has. */
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
    // More than that it is only if a clock was set since: then nothing that was measured before is
    // worth anything.
    this.#offset = this.#offset > most ? least : Math.max(this.#offset, least)
  }

  /** Somebody has seen this point of the history. */
  advanceTo(offset: LogOffset): void {
    if (isAfter(offset, this.lastSeen)) this.lastSeen = offset
  }

  /** A name for what a call writes, unlike any other's. */
  newBatchId(): string {
    return Math.floor(this.clock.random() * 2 ** 48).toString(36)
  }

  /**
   * What the server's clock shows at a moment of the clock's, as far as it is known. Where nothing
   * has told it the only honest answer is "no limit": applications' clocks may be hours off.
   */
  serverClock(moment: number): number {
    return this.#offset === Number.NEGATIVE_INFINITY
      ? Number.MAX_SAFE_INTEGER
      : Math.floor(this.#offset + moment)
  }

  /**
   * The time there, as far as it is known: the server's clock, but while it is behind what was told
   * before.
   */
  get now(): number {
    return this.serverClock(this.clock.now()) + this.#ahead
  }

  /**
   * The latest time seen, and what has passed since by a clock of this process: at half its pace
   * while time is ahead of the server's.
   */
  after(elapsedMs: number): number {
    return this.lastNow + Math.max(elapsedMs / 2, elapsedMs - this.#ahead)
  }

  /** Why a batch was not carried out. */
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

  stateError(outcome: 'missing' | 'lost' | 'rolled_back'): StockholdError {
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

function isAfter(offset: LogOffset, known: LogOffset | null): boolean {
  if (known === null || offset.generation > known.generation) return true
  return offset.generation === known.generation && offset.sequence >= known.sequence
}
