import {
  checkId,
  checkInteger,
  checkOptions,
  checkSignalOption,
  type Names,
  type SignalOption,
} from '../check.js'
import type { Engine } from '../engine/engine.js'
import type { Limits } from '../engine/lanes.js'
import { TOKEN } from '../engine/room.js'
import { invalid, isAway, StockholdError } from '../errors.js'
import type { Admission, Door } from '../sale/door.js'
import { FlashSale } from '../sale/flash-sale.js'
import { newToken } from '../sale/partitions.js'
import { newSeed, seedCommitment } from './draw.js'
import { Forecast } from './forecast.js'
import { Keeper } from './keeper.js'
import { type PassClaims, Signer } from './pass.js'
import type { JoinResult, Place, PollResult, RoomStats } from './results.js'
import { RoomAccess } from './room-access.js'
import {
  checkBurst,
  checkPace,
  checkRate,
  checkSaleId,
  checkTimes,
  normalizeRoom,
  type RoomCreation,
  type RoomPace,
} from './room-rules.js'
import { pushUpdates } from './updates.js'
import { type Visitor, Visitors } from './visitors.js'

export interface WaitingRoomOptions extends RoomPace {
  /** Where the room lives: `redisEngine(...)` or `memoryEngine()`. */
  engine: Engine
  /** What tickets and passes are signed with: 32 bytes at least. Of several the first one signs, and all are accepted. */
  secret: string | readonly string[]
  /** The sale whose stock the door goes by: no more passes than it can serve. @default none: only the rate counts */
  sale?: FlashSale | string | undefined
  /**
   * What `poll` does while the engine is away. `hold`: it tells the same position again, and to come later; `refuse`: it throws
   * UNAVAILABLE. Nobody is admitted meanwhile either way, and nobody loses their place.
   * @default 'hold'
   */
  onUnavailable?: 'hold' | 'refuse' | undefined
  /** When a call is given up at the latest, in ms. @default 2_000 */
  deadlineMs?: number | undefined
  /** Joins that may be open on this handle at a time; one more is OVERLOADED at once. @default 100_000 */
  maxInFlight?: number | undefined
}

const OPTIONS: Names<WaitingRoomOptions> = {
  engine: true,
  secret: true,
  ratePerSecond: true,
  burst: true,
  claimMs: true,
  passMs: true,
  sale: true,
  overcommit: true,
  onUnavailable: true,
  deadlineMs: true,
  maxInFlight: true,
}
const RATE = { burst: true, signal: true } as const
const VERIFY = { buyer: true } as const

/**
 * The door in front of a sale: a token bucket says how many may enter, a fair queue says who, and a signed pass lets them try.
 *
 * Any number of processes may have any number of handles on one room; who has not created it learns its rules from the engine.
 * Time is the engine's. All methods may reject with `INVALID_ARGUMENT`, `UNAVAILABLE`, `UNKNOWN_OUTCOME`, `OVERLOADED`,
 * `SALE_NOT_FOUND` (there is no such room), `STATE_LOST`, `UNSAFE_CONFIG` and `CLOSED`; those that take a ticket or a pass also
 * with `PASS_INVALID`.
 */
export class WaitingRoom implements Door {
  readonly id: string
  /** The sale it stands before, if any. */
  readonly sale: string | null
  readonly #access: RoomAccess
  readonly #ownSale: FlashSale | undefined
  readonly #keeper: Keeper
  readonly #signer: Signer
  readonly #visitors: Visitors
  readonly #pace: ReturnType<typeof checkPace>
  readonly #times: ReturnType<typeof checkTimes>
  readonly #holds: boolean
  #forecast: Forecast | undefined

  /** @throws {StockholdError} `INVALID_ARGUMENT` */
  constructor(id: string, options: WaitingRoomOptions) {
    this.id = checkId(id, 'id')
    checkOptions(options, 'options', OPTIONS)
    const { engine, sale, onUnavailable = 'hold', deadlineMs = 2_000, maxInFlight = 100_000 } = options
    if (typeof engine?.room !== 'function')
      throw invalid('engine', 'must be an engine: redisEngine(...) or memoryEngine()')
    if (onUnavailable !== 'hold' && onUnavailable !== 'refuse')
      throw invalid('onUnavailable', "must be 'hold' or 'refuse'")
    this.#holds = onUnavailable === 'hold'
    this.#pace = checkPace(options)
    this.#times = checkTimes(options)
    this.sale = checkSaleId(sale)
    this.#signer = new Signer(options.secret, { room: this.id, sale: this.sale })
    this.#access = new RoomAccess(
      this.id,
      this.sale,
      engine,
      {
        deadlineMs: checkInteger(deadlineMs, 'deadlineMs', 1, 3_600_000),
        maxInFlight: checkInteger(maxInFlight, 'maxInFlight', 1, 10_000_000),
      },
      // Six characters of 64 tell incarnations apart; tokens travel with every poll.
      (token) => this.#signer.bind(token.slice(0, 6)),
    )
    if (typeof sale === 'string') this.#ownSale = new FlashSale(sale, { engine, deadlineMs })
    this.#keeper = new Keeper(this.#access, this.#ownSale ?? (sale as FlashSale | undefined))
    this.#visitors = new Visitors(this.#signer, this.#keeper.line)
  }

  /**
   * Makes the room. The same rules again change nothing (nor does the rate then, see {@link setRate}), so every process may call it at its start.
   *
   * @returns Whether it was this call that made it.
   * @throws {StockholdError} `RULES_CONFLICT`: there is a room of this name with other rules.
   */
  async create(rules: RoomCreation = {}, options?: SignalOption): Promise<{ created: boolean }> {
    const wanted = normalizeRoom(rules, this.#times, this.sale)
    const limits = this.#access.limits(options)
    if (this.#access.known) {
      const { rules: known } = await this.#access.describe(limits)
      if (JSON.stringify(known) !== JSON.stringify(wanted)) throw this.#access.conflict(known, wanted)
      return { created: false }
    }
    const seed = newSeed()
    const op = {
      rules: wanted,
      pace: this.#pace,
      seed,
      commitment: seedCommitment(seed),
      token: newToken(),
    }
    const { status, token, commitment } = await this.#access.ask('create', op, limits, (answer) => answer)
    if (status === 'conflict') {
      const { rules: known } = await this.#access.describe(limits)
      throw this.#access.conflict(known, wanted)
    }
    this.#access.learn(token, { rules: wanted, commitment })
    return { created: status === 'created' }
  }

  /** A place in the line, at its end; who has one keeps it, from whichever process, tab or device they ask. */
  async join(buyer: string, options?: SignalOption): Promise<JoinResult> {
    const name = checkId(buyer, 'buyer')
    const limits = this.#access.limits(options)
    if (!this.#access.known) await this.#access.room(limits)
    const placed = await this.#access.ask('join', { buyer: name }, limits, (answer) => answer)
    this.#keeper.touch()
    if (!this.#keeper.state)
      await this.#keeper.fresh(0, limits).catch((error) => {
        throw placedUnseen(error, limits)
      })
    else if (!this.#keeper.recent()) await this.#keeper.fresh(0, limits).catch(() => {})
    const { number, stay, expiresAt } = placed
    const visitor = this.#visitors.place(name, stay, number)
    const place =
      expiresAt === null
        ? this.#placeOf(visitor, this.#aheadAtMost(visitor))
        : { position: 0, etaMs: 0, pollAfterMs: 0 }
    return { ticket: visitor.ticket, ...place }
  }

  /**
   * How it stands for the owner of a ticket. Whoever is near the door asks the engine, all together in a few calls a second; everybody
   * else is answered from what this process knows, which is at most 250 ms old.
   *
   * @throws {StockholdError} `PASS_INVALID`: no ticket of this room, or its owner left or was revoked.
   */
  async poll(ticket: string, options?: SignalOption): Promise<PollResult> {
    let visitor = await this.#visitorOf(ticket, options)
    // Most polls are answered without a call: they need no deadline, and so no look at the clock.
    let limits = options !== undefined || this.#access.closed ? this.#access.limits(options) : undefined
    this.#keeper.touch()
    try {
      if (!this.#keeper.recent() && !(this.#keeper.state && this.#isExpected(visitor))) {
        limits ??= this.#access.limits()
        await this.#keeper.fresh(0, limits)
        // The room has been seen now, and there may have been the draw.
        visitor = this.#visitors.of(ticket)
      }
      return this.#isExpected(visitor) ? await this.#visit(visitor, limits) : this.#tell(visitor)
    } catch (error) {
      return this.#hold(visitor, error)
    }
  }

  /**
   * What `poll` answers, whenever it changes: for server-sent events. Ends after a pass, after the end of the sale, with the signal,
   * and when this handle is closed.
   *
   * @throws {StockholdError} At once: `PASS_INVALID` for what is no ticket of this room, `CLOSED`. From the iteration: as `poll`.
   */
  updates(ticket: string, options?: SignalOption): AsyncIterableIterator<PollResult> {
    const signal = checkSignalOption(options)
    this.#access.checkOpen()
    this.#visitors.of(ticket)
    const watched = {
      poll: (end: AbortSignal) => this.poll(ticket, { signal: end }),
      hasTurn: () => this.#keeper.hasTurn(this.#visitors.of(ticket).number),
    }
    return pushUpdates(watched, this.#keeper, this.#access.timing, signal)
  }

  /** Gives the place up, or the pass. `left`: whether there was any. */
  async leave(ticket: string, options?: SignalOption): Promise<{ left: boolean }> {
    const { buyer, stay } = this.#visitors.claims(await this.#visitorOf(ticket, options))
    const limits = this.#access.limits(options)
    await this.#access.room(limits)
    const left = await this.#access.ask('leave', { buyer, stay }, limits, ({ status }) => status === 'left')
    this.#visitors.forget(ticket)
    this.#keeper.forget()
    return { left }
  }

  /** Takes a buyer's place or pass back; every process knows it within a second. `revoked`: whether there was any. */
  async revoke(buyer: string, options?: SignalOption): Promise<{ revoked: boolean }> {
    const op = { buyer: checkId(buyer, 'buyer') }
    const limits = this.#access.limits(options)
    await this.#access.room(limits)
    const revoked = await this.#access.ask('revoke', op, limits, ({ status }) => status === 'revoked')
    this.#keeper.forget()
    await this.#keeper.fresh(0, limits).catch(() => {})
    return { revoked }
  }

  /**
   * How many may enter a second from now on, in every process; `burst` stays as it is if it is not given.
   *
   * @param perSecond 0 to 1,000,000 with at most three decimals; 0 admits nobody.
   */
  async setRate(
    perSecond: number,
    options: { burst?: number | undefined } & SignalOption = {},
  ): Promise<void> {
    const rate = checkRate(perSecond, 'perSecond')
    const given = checkOptions(options, 'options', RATE).burst
    const burst = given === undefined ? null : checkBurst(given)
    await this.#control({ action: 'pace', rate, burst }, { signal: options.signal })
  }

  /** Admits nobody until {@link resume}. Places and turns stay; the time does not count against anybody. */
  pause(options?: SignalOption): Promise<void> {
    return this.#control({ action: 'pause' }, options)
  }

  resume(options?: SignalOption): Promise<void> {
    return this.#control({ action: 'resume' }, options)
  }

  /** @throws {StockholdError} Also what keeps the room from reading its sale's stock, where that needs to be mended: `SALE_NOT_FOUND`, ... */
  async stats(options?: SignalOption): Promise<RoomStats> {
    const limits = this.#access.limits(options)
    const { rules, commitment } = await this.#access.room(limits)
    const state = await this.#keeper.fresh(0, limits)
    if (this.#keeper.saleError !== undefined) throw this.#keeper.saleError
    const { waiting, admitted, missed, outstanding, capacity, pace } = state
    return {
      state: state.closed ?? (state.opened ? (state.paused ? 'paused' : 'open') : 'not_open'),
      waiting,
      admitted,
      missed,
      outstanding,
      capacity,
      ratePerSecond: pace.rate / 1_000,
      burst: pace.burst,
      tokens: state.tokens / TOKEN,
      callsPerSecond: state.speed / 1_000,
      draw: rules.order === 'random' ? { commitment, seed: state.seed, count: state.drawn } : null,
    }
  }

  /** Resolves when this handle has read the room: from then on {@link verify} knows the server's time and what was revoked. */
  async ready(options?: SignalOption): Promise<void> {
    const limits = this.#access.limits(options)
    if (!this.#keeper.state) await this.#keeper.fresh(0, limits)
  }

  /**
   * What a pass says, if it is one: of this room and sale, of this buyer, not expired and not revoked. In this process, without a call.
   *
   * @throws {StockholdError} `PASS_INVALID`, `PASS_EXPIRED`; `UNAVAILABLE` before the room was read, see {@link ready}.
   */
  verify(pass: string, options: { buyer: string }): PassClaims {
    const buyer = checkId(checkOptions(options, 'options', VERIFY).buyer, 'buyer')
    this.#keeper.lookAround()
    if (!this.#keeper.state) throw notRead()
    const claims = this.#signer.readPass(pass, this.#access.now(), buyer)
    if (this.#keeper.isRevoked(buyer, claims.stay))
      throw new StockholdError('PASS_INVALID', 'the pass was taken back: join the waiting room again')
    return claims
  }

  /** For `FlashSale`: {@link verify}, once revocations are known up to a second ago. */
  async enter(pass: unknown, buyer: string, limits?: Limits): Promise<Admission> {
    const { deadline, signal } = limits ?? { deadline: Number.POSITIVE_INFINITY }
    if (!this.#keeper.knows(1_000))
      await this.#keeper.fresh(1_000, { deadline: Math.min(deadline, this.#access.deadline()), signal })
    const { stay } = this.verify(pass as string, { buyer })
    return { spend: () => this.#spend(buyer, stay) }
  }

  /** Ends this handle; the room and everybody's place stay. */
  async close(): Promise<void> {
    this.#access.close()
    this.#keeper.stop()
    await this.#ownSale?.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** The buyer has had their try, and makes room for another. If this gets lost, the pass runs out by itself. */
  #spend(buyer: string, stay: number): void {
    if (this.#access.closed) return
    this.#access.ask('spend', { buyer, stay }, this.#access.limits(), () => {}).catch(() => {})
  }

  /** @throws {StockholdError} `PASS_INVALID`. A handle that was told another sale would say so of every ticket: it reads the room first. */
  async #visitorOf(ticket: string, options?: SignalOption): Promise<Visitor> {
    try {
      return this.#visitors.of(ticket)
    } catch (error) {
      if (!this.#access.known) await this.#access.room(this.#access.limits(options))
      throw error
    }
  }

  /** Whether this visitor must ask the engine: near the door, or called already. */
  #isExpected({ rank }: Visitor): boolean {
    const state = this.#keeper.state!
    if (state.closed !== null && rank > state.called) return false
    return this.#isDrawn && rank <= state.reach
  }

  /** Whether everybody's rank is known. */
  get #isDrawn(): boolean {
    return this.#keeper.state!.drawn !== null || this.#access.known!.rules.order === 'fifo'
  }

  async #visit(visitor: Visitor, limits = this.#access.limits()): Promise<PollResult> {
    const { number, rank } = visitor
    const { buyer, stay } = this.#visitors.claims(visitor)
    const answer = await this.#keeper.visit({ buyer, stay, number, rank }, limits)
    if (answer.status === 'gone') throw this.#gone(visitor)
    if (answer.status === 'admitted') {
      const { expiresAt } = answer
      return { status: 'admitted', pass: this.#signer.signPass({ buyer, stay, expiresAt }), expiresAt }
    }
    this.#visitors.move(visitor, answer.number)
    return this.#tell(visitor, answer.ahead)
  }

  /** @param ahead How many at the door come first, if the visitor is there. */
  #tell(visitor: Visitor, ahead: number | null = null): PollResult {
    const state = this.#keeper.state!
    if (visitor.rank > state.called && this.#keeper.line.isGone(visitor.rank)) throw this.#gone(visitor)
    if (state.closed !== null) return { status: 'closed', reason: state.closed }
    const { position, etaMs, pollAfterMs } = this.#placeOf(visitor, ahead)
    this.#visitors.tell(visitor, position)
    return { status: 'waiting', position, etaMs, pollAfterMs, soldOutLikely: this.#isLate(position) }
  }

  #placeOf({ rank }: Visitor, ahead: number | null = null): Place {
    const state = this.#keeper.state!
    if (!this.#isDrawn) return this.#foresee(Math.max(1, state.waiting), null)
    const { line } = this.#keeper
    const position =
      rank <= state.called
        ? (ahead ?? 0) + 1
        : state.atDoor + rank - state.called - line.goneBetween(state.called, rank)
    return this.#foresee(position, rank)
  }

  #foresee(position: number, rank: number | null): Place {
    const state = this.#keeper.state!
    this.#forecast ??= new Forecast(this.#access.known!.rules, this.#access.timing.random)
    // Once it is open the time of day makes no difference.
    return this.#forecast.place(state, position, rank, state.opened ? 0 : this.#access.now())
  }

  /** How many come before somebody who was called, without asking: as many as when they were told last, or all the others. */
  #aheadAtMost({ told }: Visitor): number {
    const others = Math.max(0, this.#keeper.state!.atDoor - 1)
    return told !== undefined && told <= others ? told - 1 : others
  }

  #isLate(position: number): boolean {
    const { capacity, outstanding } = this.#keeper.state!
    return capacity !== null && position > capacity - outstanding
  }

  #hold(visitor: Visitor, error: unknown): PollResult {
    if (!isAway(error) || !this.#holds || !this.#keeper.state || !this.#access.known) throw error
    const { closed, called } = this.#keeper.state
    if (closed !== null && visitor.rank > called) return { status: 'closed', reason: closed }
    const known =
      visitor.told === undefined
        ? this.#placeOf(visitor)
        : this.#foresee(visitor.told, this.#isDrawn ? visitor.rank : null)
    const place = this.#forecast!.later(known)
    return { status: 'waiting', ...place, soldOutLikely: this.#isLate(place.position) }
  }

  #gone(visitor: Visitor): StockholdError {
    this.#visitors.forget(visitor.ticket)
    return new StockholdError(
      'PASS_INVALID',
      'the place of this ticket was given up: join the waiting room again',
    )
  }

  async #control(op: Parameters<RoomAccess['ask']>[1], options?: SignalOption): Promise<void> {
    const limits = this.#access.limits(options)
    await this.#access.room(limits)
    await this.#access.ask('control', op as never, limits, () => {})
    this.#keeper.forget()
  }
}

/** Why a buyer who has a place cannot be told where. */
function placedUnseen(error: unknown, { signal }: Limits): unknown {
  const mayBeRead = signal?.aborted || (error instanceof StockholdError && error.retryable)
  if (!mayBeRead) return error
  const message =
    'The buyer has a place, but the room could not be read. Join again: the same buyer keeps the place.'
  return new StockholdError('UNKNOWN_OUTCOME', message, { cause: error })
}

function notRead(): StockholdError {
  return new StockholdError(
    'UNAVAILABLE',
    'The waiting room was not read yet, so nothing is known of revoked passes. Call `await room.ready()` first.',
  )
}
