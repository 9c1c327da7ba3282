import { Consumer } from '../consumer/consumer.js'
import { type ConsumerGroup, consumerGroups, removeGroup } from '../consumer/groups.js'
import type { ConsumeOptions, EventHandler } from '../consumer/options.js'
import { checkBoolean, checkId, checkOptions, type SignalOption } from '../validation.js'
import { auditSale } from './audit-sale.js'
import { checkMoveOptions, checkRestockOptions, checkSetTotalOptions, signalOf } from './command-options.js'
import { recoverEverywhere } from './recovery/recover-everywhere.js'
import { checkRecovery, recoverSale } from './recovery/recover-sale.js'
import { stateAfter } from './recovery/state-after.js'
import { destroySale } from './removal/destroy-sale.js'
import type {
  Audit,
  DestroyResult,
  MoveResult,
  RecoverOptions,
  Recovery,
  RecoveryEverywhere,
  RestockResult,
  SaleState,
  SetTotalResult,
  Stats,
} from './results.js'
import { normalizeRules, type SaleRules } from './rules.js'
import {
  checkUpdate,
  type RulesInForce,
  type RulesUpdate,
  rulesInForce,
  type UpdateResult,
} from './rules-update.js'
import type { SaleContext } from './sale-context.js'
import { moveUnits, setTotal } from './stock-operations.js'

const DESTROY = { force: true, signal: true } as const

/** What the shop does with a sale as a whole. The orders of buyers are in `flash-sale.ts`. */
export abstract class SaleAdministration {
  /** @internal */
  protected readonly context: SaleContext

  /** @internal */
  protected constructor(context: SaleContext) {
    this.context = context
  }

  /**
   * Creates the sale. A call with the same rules changes nothing, so every process may call it at
   * startup.
   *
   * @returns `created`: whether this call created the sale.
   * @throws {StockholdError} `RULES_CONFLICT`: a sale of this name exists with other rules.
   *   `STATE_LOST`: this handle has seen the sale before, and the sale is gone; the call does not
   *   create it again.
   */
  async create(rules: SaleRules, options?: SignalOption): Promise<{ created: boolean }> {
    const wanted = normalizeRules(rules)
    return { created: await this.context.client.create(wanted, this.context.client.call(options)) }
  }

  /**
   * The rules in force, read from the engine.
   */
  async rules(options?: SignalOption): Promise<RulesInForce> {
    const { client } = this.context
    const { rules, revision } = await client.refresh(client.call(options))
    return rulesInForce(rules, revision, client.partitions.session(0).time.lastNow)
  }

  /**
   * Changes rules while the sale runs. Rules that are not named stay as they are; `null` removes
   * one. Every process obeys the change with its next call. Holds keep their `expiresAt`, a lower
   * limit applies to new units only, and a sale that was ended by {@link end} stays so. The same
   * update again changes nothing.
   *
   * If a partition cannot be reached, the call rejects, and the next `update` of any process
   * completes it.
   *
   * @throws {StockholdError} `INVALID_ARGUMENT`: also if the rules contradict those in force.
   */
  async update(update: RulesUpdate, options?: SignalOption): Promise<UpdateResult> {
    const wanted = checkUpdate(update)
    const { client, soldOut } = this.context
    const result = await client.update(wanted, client.call(options))
    soldOut.forget()
    return result
  }

  /**
   * Adds units to the sale. A negative quantity removes unsold units, at most those that are
   * available.
   *
   * @param restock `key`: a repeated call with the same key changes nothing and returns the first
   *   result.
   * @throws {StockholdError} `IDEMPOTENCY_CONFLICT`: the key was used with another SKU or quantity.
   */
  async restock(
    restock: { sku: string; quantity: number; key: string },
    options?: SignalOption,
  ): Promise<RestockResult> {
    const asked = checkRestockOptions(restock)
    return this.context.reservations.restock(asked, options, () => this.context.soldOut.forget())
  }

  /**
   * Sets the total of a SKU: all units of the sale, confirmed ones included. For a stock count,
   * such as an ERP's.
   *
   * If more units are held and confirmed than `total`, the rest is `owed`: the sale removes the
   * next units that come back (released, expired, refunded with restock) until nothing is owed, and
   * sells none of them before. A restock lowers the debt first, and a larger `total` frees it. Over
   * several partitions, the call has taken all available units of each before it returns.
   *
   * @param count `total`: 0 to 1,000,000,000. `key`: a repeated call with the same key changes
   *   nothing and returns the first result; after UNKNOWN_OUTCOME it completes the first.
   *   `countedAt`: when the units were counted, a Date or epoch ms. The newest count of a SKU wins:
   *   an older one is `superseded`. By default the server's time.
   * @throws {StockholdError} `IDEMPOTENCY_CONFLICT`: the key was used for another count.
   */
  async setTotal(
    count: { sku: string; total: number; key: string; countedAt?: Date | number | undefined },
    options?: SignalOption,
  ): Promise<SetTotalResult> {
    return setTotal(this.context, checkSetTotalOptions(count), options)
  }

  /**
   * Moves units from one SKU of the sale to another: at most those that are available.
   *
   * @param move `quantity`: 1 to 1,000,000,000. `key`: a repeated call with the same key changes
   *   nothing and returns the first result.
   * @throws {StockholdError} `IDEMPOTENCY_CONFLICT`: the key was used for another move.
   */
  async move(
    move: { from: string; to: string; quantity: number; key: string },
    options?: SignalOption,
  ): Promise<MoveResult> {
    return moveUnits(this.context, checkMoveOptions(move), options)
  }

  /**
   * Stops new reservations; holds stay valid and can be confirmed. Returns the state of the sale
   * after the call. If a partition cannot be reached, `pause`, `resume` and `end` reject, and the
   * message names the partitions that have changed. Call again to complete.
   *
   * A frozen sale can be paused, too: it is still paused when a recovery has resumed it.
   */
  pause(options?: SignalOption): Promise<SaleState> {
    return this.#control('pause', options)
  }

  /** Ends a pause. Returns the state of the sale after the call. */
  resume(options?: SignalOption): Promise<SaleState> {
    return this.#control('resume', options)
  }

  /** Ends the sale permanently. Holds can be confirmed until they expire. */
  end(options?: SignalOption): Promise<SaleState> {
    return this.#control('end', options)
  }

  /**
   * Removes a sale that has ended from the engine, with its reservations, events, consumer groups
   * and dead letters. A ledger keeps its rows. Handles that have used the sale hear `NOT_FOUND`
   * from then on, for 30 days, and its name is free: create it again by another handle. After
   * UNKNOWN_OUTCOME, call again to complete.
   *
   * @param options `force`: also while units are held, and while a consumer group has not processed
   *   all events; a payment for such a hold then finds no sale. @default false
   * @throws {StockholdError} `ROLLBACK_DETECTED`, `STATE_LOST`: recover the sale first.
   */
  async destroy(options: { force?: boolean | undefined } & SignalOption = {}): Promise<DestroyResult> {
    const { force = false } = checkOptions(options, 'options', DESTROY)
    const { client } = this.context
    return destroySale(client, checkBoolean(force, 'force'), client.call(signalOf(options)))
  }

  /**
   * State and counts. Expired holds count as available. In a sale of several partitions, each
   * partition is read at a different moment, the state is the most restrictive one, and units that
   * have left a partition and not arrived in another are `inTransit`.
   */
  async stats(options?: SignalOption): Promise<Stats> {
    const call = this.context.client.call(options)
    const known = await this.context.client.learn(call)
    const { state, skus } = await this.context.saleWide.totals(call)
    const book = skus.length > known.rules.skus.length ? await this.context.client.refresh(call) : known
    return { state, skus: Object.fromEntries(skus.map((counts, skuIndex) => [book.sku(skuIndex), counts])) }
  }

  /**
   * Recounts every reservation and compares the result with the counts, while the sale goes on.
   * Takes time and memory in proportion to the number of reservations; the handle's deadline
   * applies to each step.
   */
  async audit(options?: SignalOption): Promise<Audit> {
    const call = () => this.context.client.call(options)
    await this.context.client.learn(call())
    await this.context.saleWide.completeTransfers(call)
    for (;;) {
      const book = await this.context.client.refresh(call())
      const audit = await this.context.client.fanOut((parts) =>
        auditSale(parts, this.context.client.partitions.incarnation!, book, call),
      )
      // An update in between may have added SKUs, or have raised limits.
      if (this.context.client.current === book) return audit
    }
  }

  /**
   * Ends the freeze after ROLLBACK_DETECTED, or creates the sale again after STATE_LOST. Until then
   * the sale sells nothing.
   *
   * - `accept`: accepts the state of Redis. Changes that Redis has lost stay lost; a sale that is
   *   gone starts again with its whole stock.
   * - `replay`: first replays everything that this handle has acknowledged and still has in memory:
   *   at least its latest 50,000 reservations (fewer only if their carts take more than 64 MB), and
   *   its restocks. If other buyers have taken the units, a reservation is `refused`: tell its
   *   buyer. The sale is paused if the last answer was that it is, or that another process has
   *   ended it.
   * - a ledger: rebuilds everything that the ledger has, then replays what only this handle has in
   *   memory. Any process can do this, even if it has never seen the sale.
   *
   * With several processes, use `everywhere`: one call, in any process, and every process that has
   * the sale open recovers what it knows, also one that is quiet. When `waitFor` of them have
   * answered, the last one resumes the sale. When `timeoutMs` is over, the result names those that
   * are missing, and the sale stays frozen unless `unfreeze` is `true`. A process that comes later
   * still replays what it knows. A second call meanwhile waits for the first one's recovery.
   *
   * With `paused` the sale is paused before it could sell, whichever process resumes it, also one
   * that was gone: correct its stock, and call {@link resume}. The `state` of the result says
   * whether the sale sells.
   *
   * @throws {StockholdError} `INVALID_ARGUMENT`: also if another kind of recovery is under way, or
   *   the engine has no heartbeat.
   */
  recover(
    recovery: RecoverOptions & { everywhere: NonNullable<RecoverOptions['everywhere']> },
    options?: SignalOption,
  ): Promise<RecoveryEverywhere>
  recover(recovery: RecoverOptions, options?: SignalOption): Promise<Recovery>
  async recover(recovery: RecoverOptions, options?: SignalOption): Promise<Recovery> {
    const { everywhere, ...checked } = checkRecovery(recovery)
    const recovered = await (everywhere
      ? recoverEverywhere(this.context, { ...checked, everywhere }, options)
      : recoverSale(this.context, checked, options))
    return { ...recovered, state: await stateAfter(this.context.client, options) }
  }

  /**
   * Starts a consumer of a group: it calls the handler with each event of the sale at least once,
   * in order for each reservation.
   *
   * Close the consumer before the handle. A closed handle stops its consumers at once, and they
   * keep the leases of their partitions until these expire.
   *
   * @throws {StockholdError} `INVALID_ARGUMENT`
   */
  consume(options: ConsumeOptions, handler: EventHandler): Consumer {
    return new Consumer(this.context.client.source, options, handler)
  }

  /** The consumer groups of this sale, and their positions. */
  async consumerGroups(): Promise<ConsumerGroup[]> {
    return consumerGroups(this.context.client.source)
  }

  /**
   * Removes a consumer group with its position and its dead letters. The sale no longer keeps
   * events for the group, and consumers that still run in it stop. Returns whether the group
   * existed.
   */
  async removeConsumerGroup(group: string): Promise<boolean> {
    return removeGroup(this.context.client.source, checkId(group, 'group'))
  }

  /**
   * Closes this handle: new calls reject with CLOSED, calls under way are answered. The engine and
   * its client stay open.
   */
  async close(): Promise<void> {
    this.context.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #control(action: 'pause' | 'resume' | 'end', options?: SignalOption): Promise<SaleState> {
    const state = await this.context.saleWide.control(action, this.context.client.call(options))
    if (action === 'end') this.context.acknowledged.noteEnd()
    else this.context.acknowledged.notePaused(action === 'pause')
    return state
  }
}
