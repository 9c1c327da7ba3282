import { BatcherSet, type CallOptions } from '../batching/batcher-set.js'
import { type Created, RemoteHandle } from '../batching/remote-handle.js'
import { Session } from '../batching/session.js'
import { roomEffects } from '../engine/effects.js'
import type { Engine } from '../engine/engine.js'
import type {
  AdmissionRate,
  FinalRoomAnswer,
  RoomCommand,
  RoomCommands,
  RoomOp,
  StoredRoomRules,
} from '../engine/room.js'
import { newIncarnation } from '../sale/partitions.js'
import { newSeed, seedCommitment } from './draw.js'
import { nameRoomRules } from './room-rules.js'

/** What a handle knows of its room once it has seen it. */
export interface KnownRoom {
  readonly rules: StoredRoomRules
  readonly commitment: string
}

type Description = Omit<FinalRoomAnswer<'describe'>, 'status'>

export interface RoomClientOptions {
  /** The sale that this handle takes the room to stand before. */
  readonly sale: string | null
  /** The rate that a new room begins with. */
  readonly pace: AdmissionRate
  readonly deadlineMs: number
  readonly maxInFlight: number
  /** Told the room's incarnation, once it is known. */
  readonly onSeen: (incarnation: string) => void
}

/**
 * How a handle reaches its room: it creates it or learns its rules, limits each call, and tells the
 * server's time.
 */
export class RoomClient extends RemoteHandle<StoredRoomRules, Description, KnownRoom> {
  protected readonly nameRules = nameRoomRules
  readonly #options: RoomClientOptions
  /** Joins have a bound of their own: however many visitors come in, the room is looked at. */
  readonly #joins: BatcherSet<RoomCommands>
  readonly #batchers: BatcherSet<RoomCommands>
  readonly #elapsed: () => number
  /** The latest time the server told, and when. */
  #heardNow = 0
  #heardAt = 0

  constructor(name: string, engine: Engine, options: RoomClientOptions) {
    super('waiting room', name, engine, options.deadlineMs)
    this.#options = options
    this.#elapsed = () => engine.elapsed()
    const batchers = (max: number) =>
      new BatcherSet(engine.room(name), roomEffects, new Session(this.title, { max, open: 0 }, engine.clock))
    this.#joins = batchers(options.maxInFlight)
    this.#batchers = batchers(Number.POSITIVE_INFINITY)
  }

  protected get session(): Session {
    return this.#batchers.session
  }

  /** The server's time, as far as it is known; before the first answer, this machine's. */
  now(): number {
    const { heardNow } = this
    if (heardNow === 0) return Date.now()
    // A reply that came when its callers had gone tells the time too: what passed before it must
    // not be added to it.
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

  protected askDescription(call: CallOptions): Promise<Description> {
    return this.ask('describe', {}, call, (answer) => answer)
  }

  protected async askCreation(rules: StoredRoomRules, call: CallOptions): Promise<Created<Description>> {
    const seed = newSeed()
    const { pace } = this.#options
    const op = { rules, pace, seed, commitment: seedCommitment(seed), incarnation: newIncarnation() }
    const { status, incarnation, commitment } = await this.ask('create', op, call, (answer) => answer)
    return { status, described: { incarnation, rules, commitment } }
  }

  /**
   * @throws {StockholdError} `RULES_CONFLICT`: the room stands before another sale than this handle
   *   was told. Its tickets would be refused by every other handle, and it would admit without
   *   regard to the stock.
   */
  protected adopt({ incarnation, rules, commitment }: Description): KnownRoom {
    if (this.known) return this.known
    const { sale, onSeen } = this.#options
    if (rules.sale !== sale) throw this.conflict(rules, { ...rules, sale })
    for (const { session } of [this.#joins, this.#batchers]) session.incarnation = incarnation
    onSeen(incarnation)
    return this.keep({ rules, commitment })
  }
}
