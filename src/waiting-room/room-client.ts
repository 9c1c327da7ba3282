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
import { invalid } from '../errors.js'
import { newIncarnation } from '../sale/partitions.js'
import { newSeed, seedCommitment } from './draw.js'
import { RoomRemoval } from './room-removal.js'
import { type HandleRules, nameRoomRules } from './room-rules.js'

/** What a handle knows of its room once it has read it. */
export interface KnownRoom {
  readonly rules: StoredRoomRules
  readonly commitment: string
}

type Description = Omit<FinalRoomAnswer<'describe'>, 'status'>

export interface RoomClientOptions {
  /** The rules that this handle was created with. */
  readonly stated: Partial<HandleRules>
  /** The rate of a newly created room. */
  readonly pace: AdmissionRate
  readonly deadlineMs: number
  readonly maxInFlight: number
  /** Called with the room's incarnation, once it is known. */
  readonly onSeen: (incarnation: string) => void
}

/**
 * A handle's access to its room: it creates the room or learns its rules, limits each call, and
 * keeps the server's time.
 */
export class RoomClient extends RemoteHandle<StoredRoomRules, Description, KnownRoom> {
  readonly id: string
  protected readonly nameRules = nameRoomRules
  readonly #options: RoomClientOptions
  /**
   * Joins have a limit of their own, so that any number of joins leaves room for reading the state.
   */
  readonly #joins: BatcherSet<RoomCommands>
  readonly #batchers: BatcherSet<RoomCommands>
  readonly #elapsed: () => number
  /** `undefined` for an engine without an index. */
  readonly removal: RoomRemoval | undefined
  /** The latest time that the server reported, and when it arrived. */
  #heardNow = 0
  #heardAt = 0

  constructor(name: string, engine: Engine, options: RoomClientOptions) {
    super('waiting room', name, engine, options.deadlineMs)
    this.id = name
    this.#options = options
    this.#elapsed = () => engine.elapsed()
    const place = { sale: null, room: name, partition: null }
    const session = (max: number) => new Session(this.title, { max, open: 0 }, engine.clock, place)
    const batchers = (max: number) => new BatcherSet(engine.room(name), roomEffects, session(max))
    this.#joins = batchers(options.maxInFlight)
    this.#batchers = batchers(Number.POSITIVE_INFINITY)
    if (engine.lifecycle && this.index)
      this.removal = new RoomRemoval(engine, engine.lifecycle, name, this.index, {
        incarnation: () => this.incarnation,
        call: () => ({ deadline: this.deadline() }),
      })
    for (const { session } of [this.#joins, this.#batchers])
      session.explain = (outcome) => this.removal?.explain(outcome)
  }

  protected get session(): Session {
    return this.#batchers.session
  }

  /** The server's time, as far as it is known; before the first answer, this machine's. */
  now(): number {
    const { heardNow } = this
    if (heardNow === 0) return Date.now()
    // A reply that came after its callers had gone reports the time too: the time that passed
    // before that reply must not be added to it.
    if (heardNow > this.#heardNow) this.#hear()
    return this.#latest.time.after(Math.max(0, this.#elapsed() - this.#heardAt))
  }

  #hear(): void {
    this.#heardNow = this.heardNow
    this.#heardAt = this.#elapsed()
  }

  get #latest(): Session {
    const [others, joins] = [this.#batchers.session, this.#joins.session]
    return joins.time.lastNow > others.time.lastNow ? joins : others
  }

  /** That of the room that this handle has used; `null`: it has found none. */
  get incarnation(): string | null {
    return this.session.history.incarnation
  }

  /** The latest time that the server reported: it is not behind that. 0 before the first answer. */
  get heardNow(): number {
    return this.#latest.time.lastNow
  }

  /** ms of a clock that ages are measured by. */
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

  protected indexedOf() {
    return { partitions: 1, retains: false }
  }

  /** A room has no seal: what is being removed is found by its creation. */
  protected async clear(): Promise<void> {}

  protected async erase({ incarnation }: Description, call: CallOptions): Promise<void> {
    await this.removal?.erase(incarnation, call)
  }

  /** Removes the room. */
  async destroy(call: CallOptions): Promise<void> {
    if (!this.removal) throw invalid('engine', 'must be an engine of this library')
    return this.removal.destroy(async () => this.learn(call), call)
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
   * @throws {StockholdError} `RULES_CONFLICT`: the room has other rules than this handle was
   *   created with. If that is the sale, every other handle would refuse its tickets, and it would
   *   admit visitors without regard to the stock.
   */
  protected adopt({ incarnation, rules, commitment }: Description): KnownRoom {
    if (this.known) return this.known
    const { stated, onSeen } = this.#options
    const wanted = { ...rules, ...stated }
    if (JSON.stringify(wanted) !== JSON.stringify(rules)) throw this.conflict(rules, wanted)
    for (const { session } of [this.#joins, this.#batchers]) session.history.incarnation = incarnation
    onSeen(incarnation)
    return this.keep({ rules, commitment })
  }
}
