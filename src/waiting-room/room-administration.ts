import type { CallOptions } from '../batching/batcher-set.js'
import { invalid } from '../errors.js'
import { checkId, checkOptions, type SignalOption } from '../validation.js'
import type { RoomStats } from './results.js'
import type { RoomClient } from './room-client.js'
import type { RoomPoller } from './room-poller.js'
import {
  checkBurst,
  checkRate,
  checkRoomUpdate,
  type HandleRules,
  normalizeRoom,
  type RoomRules,
  type RoomUpdate,
} from './room-rules.js'
import { statsOf } from './room-stats.js'

const RATE = { burst: true, signal: true } as const

/** What a handle of a room is made of. */
export interface RoomContext {
  readonly client: RoomClient
  readonly poller: RoomPoller
  readonly rules: HandleRules
}

/** What the shop does with a room as a whole. The visits of buyers are in `waiting-room.ts`. */
export abstract class RoomAdministration {
  /** @internal */
  protected readonly context: RoomContext

  /** @internal */
  protected constructor(context: RoomContext) {
    this.context = context
  }

  /**
   * Creates the room. Calling it again with the same rules changes nothing, not even the rate (see
   * {@link setRate}), so every process may call it when it starts.
   *
   * @returns Whether this call created the room.
   * @throws {StockholdError} `RULES_CONFLICT`: a room of this name exists with other rules.
   */
  async create(rules: RoomRules = {}, options?: SignalOption): Promise<{ created: boolean }> {
    const wanted = normalizeRoom(rules, this.context.rules)
    return { created: await this.context.client.create(wanted, this.context.client.call(options)) }
  }

  /**
   * Removes the room from the engine, with its queue: tickets and passes are worth nothing from
   * then on. Handles that have used the room hear `NOT_FOUND`, for 30 days, and its name is free:
   * create it again by another handle. The same call again gives the same.
   */
  async destroy(options?: SignalOption): Promise<{ status: 'destroyed' }> {
    const { client } = this.context
    await client.destroy(client.call(options))
    return { status: 'destroyed' }
  }

  /**
   * Changes rules of the room: every process obeys with its next call. The same update again
   * changes nothing.
   *
   * An opening time can be moved while the room is closed, and closes an open room until then:
   * positions, turns and passes stay, and visitors who were drawn are not drawn again. `tiers` are
   * added and put in another order; none can be removed.
   *
   * @returns `revision`: how many updates the room has had; `replayed`: these rules were in force.
   * @throws {StockholdError} `INVALID_ARGUMENT`: also if `tiers` lacks one that the room has.
   */
  async update(update: RoomUpdate, options?: SignalOption): Promise<{ revision: number; replayed: boolean }> {
    const op = checkRoomUpdate(update)
    const limits = this.context.client.call(options)
    await this.context.client.learn(limits)
    const updated = await this.context.client.ask('update', op, limits, (answer) => answer)
    if (updated.status === 'missing_tier')
      throw invalid('tiers', 'must name every tier of the room: none can be removed')
    await this.#reread(limits)
    return { revision: updated.revision, replayed: updated.replayed }
  }

  /**
   * Changes how many visitors a second are admitted, in every process. If `burst` is not given, it
   * stays as it is.
   *
   * @param perSecond 0 to 1,000,000 with at most three decimals; 0 admits no visitor.
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

  /**
   * Admits no visitor until {@link resume}. Positions and turns are kept; the time of the pause
   * does not count against any visitor.
   */
  pause(options?: SignalOption): Promise<void> {
    return this.#control({ action: 'pause' }, options)
  }

  /** Ends a {@link pause}. */
  resume(options?: SignalOption): Promise<void> {
    return this.#control({ action: 'resume' }, options)
  }

  /**
   * Takes back a buyer's position or pass. Every process knows it within a second. `revoked`:
   * whether there was one.
   */
  async revoke(buyer: string, options?: SignalOption): Promise<{ revoked: boolean }> {
    const op = { buyer: checkId(buyer, 'buyer') }
    const limits = this.context.client.call(options)
    await this.context.client.learn(limits)
    const revoked = await this.context.client.ask('revoke', op, limits, ({ status }) => status === 'revoked')
    await this.#reread(limits)
    return { revoked }
  }

  /**
   * Reads the state of the room from the engine.
   *
   * @throws {StockholdError} Also the error that keeps the room from reading its sale's stock, if
   *   it does not pass by itself: `NOT_FOUND`, ...
   */
  async stats(options?: SignalOption): Promise<RoomStats> {
    const limits = this.context.client.call(options)
    const known = await this.context.client.learn(limits)
    const state = await this.context.poller.refresh(limits)
    if (this.context.poller.saleError !== undefined) throw this.context.poller.saleError
    return statsOf(state, known)
  }

  /**
   * Resolves when this handle has read the room. From then on {@link verify} knows the server's
   * time and the revocations.
   */
  async ready(options?: SignalOption): Promise<void> {
    const limits = this.context.client.call(options)
    if (!this.context.poller.state) await this.context.poller.refresh(limits)
  }

  /**
   * Blocks a buyer: takes back their position or pass, as {@link revoke} does, and refuses every
   * further `join`, until {@link unblock}. `blocked`: whether the buyer was not blocked before.
   */
  async block(buyer: string, options?: SignalOption): Promise<{ blocked: boolean }> {
    return { blocked: await this.#block(buyer, true, options) }
  }

  /**
   * Lets a blocked buyer join again, at the end of the queue. `unblocked`: whether the buyer was
   * blocked.
   */
  async unblock(buyer: string, options?: SignalOption): Promise<{ unblocked: boolean }> {
    return { unblocked: await this.#block(buyer, false, options) }
  }

  async #block(buyer: string, blocked: boolean, options?: SignalOption): Promise<boolean> {
    const op = { buyer: checkId(buyer, 'buyer'), blocked }
    const limits = this.context.client.call(options)
    await this.context.client.learn(limits)
    const changed = await this.context.client.ask('block', op, limits, ({ status }) => status === 'changed')
    await this.#reread(limits)
    return changed
  }

  /** After a change by this process. */
  async #reread(limits: CallOptions): Promise<void> {
    this.context.poller.forget()
    await this.context.poller.refresh(limits).catch(() => {})
  }

  async #control(op: Parameters<RoomClient['ask']>[1], options?: SignalOption): Promise<void> {
    const limits = this.context.client.call(options)
    await this.context.client.learn(limits)
    await this.context.client.ask('control', op as never, limits, () => {})
    this.context.poller.forget()
  }
}
