import type { CallOptions } from '../batching/batcher-set.js'
import type { ComparedPlaces, FinalRoomAnswer, RoomOp } from '../engine/room.js'
import { invalid, isAway, StockholdError } from '../errors.js'
import type { RoomInUse } from '../heartbeat/figures.js'
import { enterHeartbeat, type Membership } from '../heartbeat/heartbeat.js'
import type { AdmissionGate, AdmittedPass } from '../sale/admission-gate.js'
import { FlashSale } from '../sale/flash-sale.js'
import { reportCalls } from '../telemetry/report-calls.js'
import { checkId, checkInteger, checkOptions, type SignalOption } from '../validation.js'
import { roomCourseSource } from './course.js'
import { joinedUnread, NotOwnError, notRead, visitOver } from './errors.js'
import { LocalPosition } from './local-position.js'
import {
  checkTicketOptions,
  checkTransferOptions,
  checkWaitingRoomOptions,
  type TicketOptions,
  type TransferOptions,
  type WaitingRoomOptions,
} from './options.js'
import { isJwt, type PassClaims, Signer } from './pass.js'
import type { JoinResult, PollResult, TransferResult } from './results.js'
import { RoomAdministration, type RoomContext } from './room-administration.js'
import { RoomClient } from './room-client.js'
import { RoomPoller } from './room-poller.js'
import { checkAdmission, checkHandleRules, checkSaleId, statedRules } from './room-rules.js'
import { TicketCache, type Visitor } from './ticket-cache.js'
import { pushUpdates } from './updates.js'

const JOIN = { tier: true, signal: true } as const
const VERIFY = { buyer: true } as const

/** Options of `join`. */
export interface JoinOptions extends SignalOption {
  /** A tier of the room. @default the last one */
  tier?: string | undefined
}

/** What a handle is made of, as an operator's readings see it. Internal, not exported. */
export let roomContextOf: (room: WaitingRoom) => RoomContext

type Placed = Omit<Extract<FinalRoomAnswer<'join'>, { status: 'placed' }>, 'status'>

/**
 * A waiting room in front of a sale. A token bucket limits how many visitors are admitted, a fair
 * queue decides their order, and a signed pass lets an admitted visitor reserve.
 *
 * Any number of processes may have any number of handles on one room. A handle that has not created
 * the room learns its rules from the engine; if an option says otherwise, its first call is
 * `RULES_CONFLICT`. All times are the engine's. Every method may reject
 * with `INVALID_ARGUMENT`, `UNAVAILABLE`, `UNKNOWN_OUTCOME`, `OVERLOADED`, `NOT_FOUND` (the room
 * does not exist), `STATE_LOST`, `UNSAFE_CONFIG` and `CLOSED`. Methods that take a ticket or a pass
 * may also reject with `TICKET_INVALID` or `PASS_INVALID`.
 */
export class WaitingRoom extends RoomAdministration implements AdmissionGate {
  static {
    roomContextOf = (room) => room.context
    const subject = ({ id, sale, context }: WaitingRoom) => ({
      ...{ sale, room: id, group: null, clock: context.client.clock },
    })
    reportCalls(WaitingRoom, subject, ({ context }) => context.client.counts, ['updates', 'enter', 'close'])
  }

  readonly id: string
  /** The sale whose stock limits admission, if any. */
  readonly sale: string | null
  readonly #client: RoomClient
  readonly #ownSale: FlashSale | undefined
  readonly #poller: RoomPoller
  readonly #signer: Signer
  readonly #tickets: TicketCache
  readonly #holds: boolean
  readonly #position: LocalPosition
  readonly #heartbeat: Membership | undefined

  /** @throws {StockholdError} `INVALID_ARGUMENT` */
  constructor(id: string, options: WaitingRoomOptions) {
    checkId(id, 'id')
    checkWaitingRoomOptions(options)
    const { engine, sale, onUnavailable = 'hold', deadlineMs = 2_000, maxInFlight = 100_000 } = options
    const saleId = checkSaleId(sale)
    const rules = checkHandleRules(options, saleId)
    const signer = new Signer(options.secret, { room: id, sale: saleId })
    const client = new RoomClient(id, engine, {
      stated: statedRules(options, rules),
      pace: checkAdmission(options),
      deadlineMs: checkInteger(deadlineMs, 'deadlineMs', 1, 3_600_000),
      maxInFlight: checkInteger(maxInFlight, 'maxInFlight', 1, 10_000_000),
      // Six characters of 64 tell incarnations apart. They are kept short: every poll carries them.
      onSeen: (incarnation) => signer.bind(incarnation.slice(0, 6)),
    })
    const ownSale = typeof sale === 'string' ? new FlashSale(sale, { engine, deadlineMs }) : undefined
    const poller = new RoomPoller(client, ownSale ?? (sale as FlashSale | undefined))
    super({ client, poller, rules })
    this.id = id
    this.sale = saleId
    this.#holds = onUnavailable === 'hold'
    this.#signer = signer
    this.#client = client
    this.#ownSale = ownSale
    this.#poller = poller
    this.#tickets = new TicketCache(this.#signer, this.#poller.queue)
    this.#position = new LocalPosition(this.#client, this.#poller)
    this.#heartbeat = enterHeartbeat(engine, {
      ...{ kind: 'room', id, course: roomCourseSource(client, poller) },
      inUse: () => inUseOf(client),
    })
  }

  /**
   * Adds the buyer to the end of the queue. A buyer who is in the queue already keeps their
   * position, from whichever process, tab or device they join again. A buyer whom the shop has
   * blocked is not added, and gets the status `blocked`.
   *
   * In a room with tiers the buyer joins `tier`, or the last one. A buyer who waits in a later tier
   * gives that position up for one at the end of `tier`, with a new ticket; a buyer in an earlier
   * one keeps it.
   */
  async join(buyer: string, options: JoinOptions = {}): Promise<JoinResult> {
    const name = checkId(buyer, 'buyer')
    const { tier } = checkOptions(options, 'options', JOIN)
    const op = { buyer: name, tier: tier === undefined ? null : checkId(tier, 'tier') }
    const limits = this.#client.call({ signal: options.signal })
    if (!this.#client.known) await this.#client.learn(limits)
    const joined = await this.#client.ask('join', op, limits, (answer) => answer)
    if (joined.status === 'unknown_tier') throw invalid('tier', 'must be a tier of this room')
    if (joined.status !== 'placed') return { status: 'blocked' }
    this.#poller.markActive()
    if (!this.#poller.state)
      await this.#poller.refresh(limits).catch((error) => {
        throw joinedUnread(error, limits)
      })
    else if (!this.#poller.recent()) await this.#poller.shared.wait(limits)
    return this.#placed('joined', name, joined)
  }

  /**
   * Answers the owner of a ticket: with their position, or with a pass when it is their turn.
   * Visitors whose turn is near share a few calls a second to the engine. All others are answered
   * from the state in this process, which is at most 250 ms old.
   *
   * @throws {StockholdError} `TICKET_INVALID`: this is not a ticket of this room or of this buyer,
   *   or its owner left or was revoked.
   */
  async poll(ticket: string, options: TicketOptions = {}): Promise<PollResult> {
    const { buyer, signal } = checkTicketOptions(options)
    let visitor: Visitor
    try {
      visitor = this.#visitorOf(ticket, buyer)
    } catch (error) {
      throw await this.#whyRefused(error, { signal })
    }
    // Most polls are answered without a call. They need no deadline, so the clock is not read.
    let limits = signal !== undefined || this.#client.closed ? this.#client.call({ signal }) : undefined
    this.#poller.markActive()
    try {
      if (!this.#poller.recent() && !(this.#poller.state && this.#position.isExpected(visitor))) {
        limits ??= this.#client.call()
        await this.#poller.refresh(limits)
        // The room has been read now, and the draw may have changed the visitor's rank.
        visitor = this.#tickets.of(ticket)
      }
      return this.#position.isExpected(visitor)
        ? await this.#visit(visitor, limits)
        : this.#withPosition(visitor)
    } catch (error) {
      return this.#hold(visitor, error)
    }
  }

  /**
   * Yields what `poll` answers whenever it changes, for server-sent events. Ends after a pass,
   * after the end of the sale, when the signal aborts, and when this handle is closed.
   *
   * @throws {StockholdError} At once: `TICKET_INVALID` if this is not a ticket of this room (as far
   *   as this handle has read the room), `CLOSED`. From the iteration: as `poll`.
   */
  updates(ticket: string, options: TicketOptions = {}): AsyncIterableIterator<PollResult> {
    const { buyer, signal } = checkTicketOptions(options)
    this.#client.checkOpen()
    // The rules of the room may say why a ticket is refused: the first poll reads them.
    if (this.#client.known || !isJwt(ticket)) this.#visitorOf(ticket, buyer)
    const watched = {
      poll: (end: AbortSignal) => this.poll(ticket, { buyer, signal: end }),
      hasTurn: () => this.#poller.hasTurn(this.#tickets.of(ticket).number),
    }
    return pushUpdates(watched, this.#poller, this.#client.clock, signal)
  }

  /**
   * Gives the visit to another buyer, with its position or its pass: a guest has logged in while
   * they wait. If that buyer has a visit, the better of both stays. The old ticket and the old pass
   * end; `poll` with the new ticket answers the new pass. Calling it again changes nothing.
   *
   * @throws {StockholdError} `TICKET_INVALID`: this is not a ticket of this room or of this buyer,
   *   its visit is over or was transferred to another buyer, or that buyer has left since;
   *   `UNKNOWN_OUTCOME`: also if the visit was transferred and the room could then not be read.
   */
  async transfer(ticket: string, options: TransferOptions): Promise<TransferResult> {
    const { to, buyer: owner, signal } = checkTransferOptions(options)
    const limits = this.#client.call({ signal })
    await this.#client.learn(limits)
    const { buyer, visitId } = this.#tickets.claims(this.#visitorOf(ticket, owner))
    for (let compared: ComparedPlaces | null = null; ; ) {
      const op: RoomOp<'transfer'> = { buyer, visitId, to, compared }
      const answer: FinalRoomAnswer<'transfer'> = await this.#client.ask('transfer', op, limits, (it) => it)
      if (answer.status === 'gone') throw visitOver()
      if (answer.status === 'blocked') return { status: 'blocked' }
      if (answer.status === 'transferred') {
        if (buyer !== to) this.#tickets.forget(ticket)
        this.#poller.forget()
        await this.#poller.refresh(limits).catch((error) => {
          if (!this.#poller.state) throw joinedUnread(error, limits)
        })
        return this.#placed('transferred', to, answer)
      }
      if (answer.status === 'compare') {
        await this.#poller.refresh(limits)
        const { number, own } = answer
        compared = { number, own, ownIsFirst: this.#position.isFirst(own, number) }
      }
    }
  }

  /** Gives up the visitor's position or pass. `left`: whether there was one. */
  async leave(ticket: string, options: TicketOptions = {}): Promise<{ left: boolean }> {
    const { buyer: owner, signal } = checkTicketOptions(options)
    const limits = this.#client.call({ signal })
    await this.#client.learn(limits)
    const { buyer, visitId } = this.#tickets.claims(this.#visitorOf(ticket, owner))
    const left = await this.#client.ask(
      'leave',
      { buyer, visitId },
      limits,
      ({ status }) => status === 'left',
    )
    this.#tickets.forget(ticket)
    this.#poller.forget()
    return { left }
  }

  /**
   * Verifies a pass and returns its claims: it must be for this room, sale and buyer, not expired
   * and not revoked. Runs in this process, without a call.
   *
   * @throws {StockholdError} `PASS_INVALID`, `PASS_EXPIRED`; `UNAVAILABLE` if the room has not been
   *   read yet, see {@link ready}.
   */
  verify(pass: string, options: { buyer: string }): PassClaims {
    const buyer = checkId(checkOptions(options, 'options', VERIFY).buyer, 'buyer')
    this.#poller.tick()
    if (!this.#poller.state) throw notRead()
    const claims = this.#signer.readPass(pass, this.#client.now(), buyer)
    if (this.#poller.isRevoked(buyer, claims.visitId))
      throw new StockholdError('PASS_INVALID', 'the pass was taken back: join the waiting room again')
    return claims
  }

  /** For `FlashSale`: {@link verify} with revocations that are at most a second old. */
  async enter(pass: unknown, buyer: string, limits?: CallOptions): Promise<AdmittedPass> {
    const { deadline, signal } = limits ?? { deadline: Number.POSITIVE_INFINITY }
    if (!this.#poller.isFresherThan(1_000))
      await this.#poller.refresh({ deadline: Math.min(deadline, this.#client.deadline()), signal }, 1_000)
    const { visitId } = this.verify(pass as string, { buyer })
    return { spend: () => this.#spend(buyer, visitId) }
  }

  /** Closes this handle. The room and the positions of its visitors stay. */
  async close(): Promise<void> {
    this.#client.close()
    this.#poller.stop()
    this.#heartbeat?.leave()
    await this.#ownSale?.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /**
   * Reports that the buyer has tried to reserve, so that another visitor can be admitted. If the
   * report is lost, the pass expires by itself.
   */
  #spend(buyer: string, visitId: number): void {
    if (this.#client.closed) return
    this.#client.ask('spend', { buyer, visitId }, this.#client.call(), () => {}).catch(() => {})
  }

  /** @param buyer Whose ticket it must be; `undefined`: any buyer's. */
  #visitorOf(ticket: string, buyer: string | undefined): Visitor {
    const visitor = this.#tickets.of(ticket)
    if (buyer !== undefined && this.#tickets.claims(visitor).buyer !== buyer) throw new NotOwnError()
    return visitor
  }

  /** Reads the room first: a handle of another sale gets `RULES_CONFLICT` instead of `error`. */
  async #whyRefused(error: unknown, options?: SignalOption): Promise<unknown> {
    if (!this.#client.known) await this.#client.learn(this.#client.call(options))
    return error
  }

  /** The ticket and the position of a buyer, as the engine has placed them. */
  #placed<S extends string>(status: S, buyer: string, { number, visitId, expiresAt }: Placed) {
    const visitor = this.#tickets.place(buyer, visitId, number)
    const { ticket } = visitor
    if (expiresAt !== null) return { status, ticket, position: 0, etaMs: 0, pollAfterMs: 0 }
    const { position, etaMs, pollAfterMs } = this.#position.of(visitor, this.#position.aheadAtMost(visitor))
    return { status, ticket, position, etaMs, pollAfterMs }
  }

  async #visit(visitor: Visitor, limits = this.#client.call()): Promise<PollResult> {
    const { number, rank } = visitor
    const { buyer, visitId } = this.#tickets.claims(visitor)
    const answer = await this.#poller.visit({ buyer, visitId, number, rank }, limits)
    if (answer.status === 'gone') throw this.#gone(visitor)
    if (answer.status === 'admitted') {
      const { expiresAt } = answer
      return { status: 'admitted', pass: this.#signer.signPass({ buyer, visitId, expiresAt }), expiresAt }
    }
    this.#tickets.move(visitor, answer.number)
    return this.#withPosition(visitor, answer.ahead)
  }

  /** @param ahead How many of the called visitors come first, if the engine said so. */
  #withPosition(visitor: Visitor, ahead: number | null = null): PollResult {
    const state = this.#poller.state!
    if (this.#position.isGone(visitor)) throw this.#gone(visitor)
    if (state.closed !== null) return { status: 'closed', reason: state.closed }
    const { position, etaMs, pollAfterMs } = this.#position.of(visitor, ahead)
    this.#tickets.setLastPosition(visitor, position)
    return { status: 'waiting', position, etaMs, pollAfterMs, soldOutLikely: this.#position.isLate(position) }
  }

  #hold(visitor: Visitor, error: unknown): PollResult {
    if (!isAway(error) || !this.#holds || !this.#poller.state || !this.#client.known) throw error
    return this.#position.whileAway(visitor)
  }

  #gone(visitor: Visitor): StockholdError {
    this.#tickets.forget(visitor.ticket)
    return visitOver()
  }
}

/** The room that a handle has used, unless it was removed. */
function inUseOf({ id, incarnation, removal }: RoomClient): RoomInUse | undefined {
  return incarnation === null || removal?.isRemoved ? undefined : { id, incarnation }
}
