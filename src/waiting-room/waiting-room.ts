import type { Limits } from '../batching/batcher-set.js'
import { TOKEN } from '../engine/room.js'
import { invalid, isAway, StockholdError } from '../errors.js'
import type { Admission, Door } from '../sale/admission-gate.js'
import { FlashSale } from '../sale/flash-sale.js'
import { newToken } from '../sale/partitions.js'
import { checkId, checkInteger, checkOptions, checkSignalOption, type SignalOption } from '../validation.js'
import { newSeed, seedCommitment } from './draw.js'
import { notRead, placedUnseen, placeGone } from './errors.js'
import { OPTIONS, type WaitingRoomOptions } from './options.js'
import { type PassClaims, Signer } from './pass.js'
import type { JoinResult, PollResult, RoomStats } from './results.js'
import { RoomAccess } from './room-client.js'
import { Keeper } from './room-poller.js'
import {
  checkBurst,
  checkPace,
  checkRate,
  checkSaleId,
  checkTimes,
  normalizeRoom,
  type RoomCreation,
} from './room-rules.js'
import { Standing } from './standing.js'
import { type Visitor, Visitors } from './ticket-cache.js'
import { pushUpdates } from './updates.js'

const RATE = { burst: true, signal: true } as const
const VERIFY = { buyer: true } as const

/**
 * The door in front of a sale: a token bucket says how many may enter, a fair queue says who, and a signed pass lets them try.
 *
 * Any number of processes may have any number of handles on one room; who has not created it learns its rules from the engine.
 * Time is the engine's. All methods may reject with `INVALID_ARGUMENT`, `UNAVAILABLE`, `UNKNOWN_OUTCOME`, `OVERLOADED`,
 * `NOT_FOUND` (there is no such room), `STATE_LOST`, `UNSAFE_CONFIG` and `CLOSED`; those that take a ticket or a pass also
 * with `TICKET_INVALID` or `PASS_INVALID`.
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
  readonly #standing: Standing

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
    this.#standing = new Standing(this.#access, this.#keeper)
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
      await this.#keeper.fresh(limits).catch((error) => {
        throw placedUnseen(error, limits)
      })
    else if (!this.#keeper.recent()) await this.#keeper.fresh(limits).catch(() => {})
    const { number, stay, expiresAt } = placed
    const visitor = this.#visitors.place(name, stay, number)
    const place =
      expiresAt === null
        ? this.#standing.of(visitor, this.#standing.aheadAtMost(visitor))
        : { position: 0, etaMs: 0, pollAfterMs: 0 }
    return { ticket: visitor.ticket, ...place }
  }

  /**
   * How it stands for the owner of a ticket. Whoever is near the door asks the engine, all together in a few calls a second; everybody
   * else is answered from what this process knows, which is at most 250 ms old.
   *
   * @throws {StockholdError} `TICKET_INVALID`: no ticket of this room, or its owner left or was revoked.
   */
  async poll(ticket: string, options?: SignalOption): Promise<PollResult> {
    let visitor: Visitor
    try {
      visitor = this.#visitors.of(ticket)
    } catch (error) {
      throw await this.#whyRefused(error, options)
    }
    // Most polls are answered without a call: they need no deadline, and so no look at the clock.
    let limits = options !== undefined || this.#access.closed ? this.#access.limits(options) : undefined
    this.#keeper.touch()
    try {
      if (!this.#keeper.recent() && !(this.#keeper.state && this.#standing.isExpected(visitor))) {
        limits ??= this.#access.limits()
        await this.#keeper.fresh(limits)
        // The room has been seen now, and there may have been the draw.
        visitor = this.#visitors.of(ticket)
      }
      return this.#standing.isExpected(visitor) ? await this.#visit(visitor, limits) : this.#tell(visitor)
    } catch (error) {
      return this.#hold(visitor, error)
    }
  }

  /**
   * What `poll` answers, whenever it changes: for server-sent events. Ends after a pass, after the end of the sale, with the signal,
   * and when this handle is closed.
   *
   * @throws {StockholdError} At once: `TICKET_INVALID` for what is no ticket of this room, `CLOSED`. From the iteration: as `poll`.
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
    const limits = this.#access.limits(options)
    await this.#access.room(limits)
    const { buyer, stay } = this.#visitors.claims(this.#visitors.of(ticket))
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
    await this.#keeper.fresh(limits).catch(() => {})
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

  /** @throws {StockholdError} Also what keeps the room from reading its sale's stock, where that needs to be mended: `NOT_FOUND`, ... */
  async stats(options?: SignalOption): Promise<RoomStats> {
    const limits = this.#access.limits(options)
    const { rules, commitment } = await this.#access.room(limits)
    const state = await this.#keeper.fresh(limits)
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
    if (!this.#keeper.state) await this.#keeper.fresh(limits)
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
      await this.#keeper.fresh({ deadline: Math.min(deadline, this.#access.deadline()), signal }, 1_000)
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

  /** A handle that was told another sale would refuse every ticket: before it says so, it reads the room. */
  async #whyRefused(error: unknown, options?: SignalOption): Promise<unknown> {
    if (!this.#access.known) await this.#access.room(this.#access.limits(options))
    return error
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
    const { position, etaMs, pollAfterMs } = this.#standing.of(visitor, ahead)
    this.#visitors.tell(visitor, position)
    return { status: 'waiting', position, etaMs, pollAfterMs, soldOutLikely: this.#standing.isLate(position) }
  }

  #hold(visitor: Visitor, error: unknown): PollResult {
    if (!isAway(error) || !this.#holds || !this.#keeper.state || !this.#access.known) throw error
    return this.#standing.whileAway(visitor)
  }

  #gone(visitor: Visitor): StockholdError {
    this.#visitors.forget(visitor.ticket)
    return placeGone()
  }

  async #control(op: Parameters<RoomAccess['ask']>[1], options?: SignalOption): Promise<void> {
    const limits = this.#access.limits(options)
    await this.#access.room(limits)
    await this.#access.ask('control', op as never, limits, () => {})
    this.#keeper.forget()
  }
}
