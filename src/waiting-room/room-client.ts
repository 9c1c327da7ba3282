import { unlessAborted } from '../batching/abort.js'
import { BatcherSet, type CallOptions } from '../batching/batcher-set.js'
import { Session } from '../batching/session.js'
import { rulesConflict } from '../common/rules-conflict.js'
import { type Clock, processClock } from '../engine/clock.js'
import type { Engine } from '../engine/engine.js'
import type { FinalRoomAnswer, RoomCommand, RoomCommands, RoomOp, StoredRoomRules } from '../engine/room.js'
import { StockholdError } from '../errors.js'
import { checkSignalOption, type SignalOption } from '../validation.js'
import { nameRoomRules } from './room-rules.js'

/** What a handle knows of its room once it has seen it. */
export interface KnownRoom {
  readonly rules: StoredRoomRules
  readonly commitment: string
}

/** How a handle reaches its room: it learns the rules, limits each call, and knows when it was closed. */
export class RoomClient {
  readonly clock: Clock
  readonly #title: string
  readonly #sale: string | null
  /** Joins have a bound of their own: a crowd that comes in must not keep the door from being tended. */
  readonly #joins: BatcherSet<RoomCommands>
  readonly #batchers: BatcherSet<RoomCommands>
  readonly #deadlineMs: number
  readonly #elapsed: () => number
  readonly #onSeen: (token: string) => void
  /** The latest time the server told, and when. */
  #heardNow = 0
  #heardAt = 0
  #known: KnownRoom | undefined
  #learning: Promise<KnownRoom> | undefined
  #closed = false

  /**
   * @param sale The sale that this handle takes the room to stand before.
   * @param onSeen Told the room's token, a random name of this very incarnation, once it is known.
   */
  constructor(
    name: string,
    sale: string | null,
    engine: Engine,
    limits: { deadlineMs: number; maxInFlight: number },
    onSeen: (token: string) => void,
  ) {
    this.#title = `the waiting room ${JSON.stringify(name)}`
    this.#sale = sale
    this.#onSeen = onSeen
    this.clock = engine.clock ?? processClock
    this.#elapsed = () => engine.elapsed()
    this.#deadlineMs = limits.deadlineMs
    const lanes = (max: number) =>
      new BatcherSet(engine.room(name), new Session(this.#title, { max, open: 0 }, engine.clock))
    this.#joins = lanes(limits.maxInFlight)
    this.#batchers = lanes(Number.POSITIVE_INFINITY)
  }

  /** The room's rules, once they are known. */
  get known(): KnownRoom | undefined {
    return this.#known
  }

  get closed(): boolean {
    return this.#closed
  }

  /** The server's time, as far as it is known; before the first answer, this machine's. */
  now(): number {
    const { heardNow } = this
    if (heardNow === 0) return Date.now()
    // A reply that came when its callers had gone tells the time too: what passed before it must not be added to it.
    if (heardNow > this.#heardNow) this.#hear()
    return this.#latest.after(Math.max(0, this.#elapsed() - this.#heardAt))
  }

  #hear(): void {
    this.#heardNow = this.heardNow
    this.#heardAt = this.#elapsed()
  }

  get #latest(): Session {
    const [lanes, joins] = [this.#batchers.session, this.#joins.session]
    return joins.lastNow > lanes.lastNow ? joins : lanes
  }

  /** The latest time the server has told: it is not behind that. 0 before the first answer. */
  get heardNow(): number {
    return this.#latest.lastNow
  }

  /** ms; ages are taken of it. */
  elapsed(): number {
    return this.#elapsed()
  }

  /** The limits of a call that begins now. Throws if the handle is closed or the signal has been given. */
  limits(options?: SignalOption): CallOptions {
    const signal = checkSignalOption(options)
    this.checkOpen()
    signal?.throwIfAborted()
    return { deadline: this.deadline(), signal }
  }

  /** @throws {StockholdError} `CLOSED` */
  checkOpen(): void {
    if (this.#closed)
      throw new StockholdError('CLOSED', 'this handle of the waiting room was closed. Nothing was sent.')
  }

  /** Of a call that begins now. */
  deadline(): number {
    return this.clock.now() + this.#deadlineMs
  }

  ask<C extends RoomCommand, T>(
    command: C,
    op: RoomOp<C>,
    limits: CallOptions,
    result: (answer: FinalRoomAnswer<C>) => T,
    weight?: number,
  ): Promise<T> {
    const heard = (answer: FinalRoomAnswer<C>) => {
      this.#hear()
      return result(answer)
    }
    return (command === 'join' ? this.#joins : this.#batchers).ask(command, op, limits, heard, weight)
  }

  /** The room, learned with the first call. A call that is aborted leaves the others waiting. */
  room(limits: CallOptions): Promise<KnownRoom> | KnownRoom {
    if (this.#known) return this.#known
    this.#learning ??= this.ask('describe', {}, { ...limits, signal: undefined }, (answer) =>
      this.learn(answer.incarnation, answer),
    ).finally(() => {
      this.#learning = undefined
    })
    return unlessAborted(this.#learning, limits.signal)
  }

  /**
   * @throws {StockholdError} `RULES_CONFLICT`: the room stands before another sale than this handle was told. Its tickets
   *   would be refused by every other handle, and it would admit without regard to the stock.
   */
  learn(token: string, { rules, commitment }: KnownRoom): KnownRoom {
    if (this.#known) return this.#known
    if (rules.sale !== this.#sale) throw this.conflict(rules, { ...rules, sale: this.#sale })
    for (const lanes of [this.#joins, this.#batchers]) lanes.session.incarnation = token
    this.#onSeen(token)
    this.#known = { rules, commitment }
    return this.#known
  }

  /** Checks again that the room is the one this handle has seen. */
  async describe(limits: CallOptions): Promise<KnownRoom> {
    const { session } = this.#batchers
    return this.ask('describe', {}, limits, (answer) => {
      if (session.incarnation !== null && answer.incarnation !== session.incarnation)
        throw session.stateError('lost')
      return answer
    })
  }

  conflict(known: StoredRoomRules, wanted: StoredRoomRules): StockholdError {
    const subject = this.#title.replace(/^t/, 'T')
    return rulesConflict(subject, nameRoomRules(known), nameRoomRules(wanted))
  }

  close(): void {
    this.#closed = true
  }
}
