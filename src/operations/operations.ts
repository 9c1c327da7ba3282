import { DeadLetters } from '../consumer/dead-letters.js'
import { invalid } from '../errors.js'
import type { Reconciliation } from '../postgres/reconcile.js'
import { type FlashSale, sourceOf } from '../sale/flash-sale.js'
import type {
  DestroyResult,
  MoveResult,
  RecoverOptions,
  Recovery,
  RecoveryEverywhere,
  RestockResult,
  SaleState,
  SetTotalResult,
} from '../sale/results.js'
import type { RulesUpdate, UpdateResult } from '../sale/rules-update.js'
import { checkBoolean, checkId, checkOptions } from '../validation.js'
import type { RoomUpdate } from '../waiting-room/room-rules.js'
import type { WaitingRoom } from '../waiting-room/waiting-room.js'
import type { HandleOf } from './handles.js'
import { Inspection } from './inspection.js'
import { leftByRecovery } from './left-by-recovery.js'
import { type Actor, checkActor } from './operations-log.js'
import { recoverEverywhere } from './recover-everywhere.js'
import type { Done, Recovered } from './results.js'
import { nameOf, parseTarget, type Target } from './target.js'

const RECOVER = { from: true, unfreeze: true, paused: true, everywhere: true } as const
const RECONCILE = { repair: true } as const
const FORCE = { force: true } as const

/** How a sale is recovered. */
export interface RecoverRequest extends Pick<RecoverOptions, 'unfreeze' | 'paused' | 'everywhere'> {
  from: 'accept' | 'replay' | 'ledger'
}

/** Dead letters of a group. `ids`: of their events, or `all`. */
export interface NamedLetters {
  group: string
  ids: readonly string[] | 'all'
}

/** What is asked for, beside target and actor. */
interface Change<T> {
  readonly operation: string
  readonly arguments?: object
  /** What the log keeps of the result. @default the result */
  readonly summary?: (result: T) => unknown
}

/**
 * What an operator does on the night of the sale: one implementation for command line and control
 * room. A sale or waiting room is opened by its id alone. Each change is written to the operations
 * log, also if it fails; it rejects as the method of `FlashSale` or `WaitingRoom` does. Results are
 * JSON values.
 */
export class Operations extends Inspection {
  /** Stops new reservations, or admissions. */
  pause(target: string, actor: Actor): Promise<Done<{ readonly state: SaleState }>> {
    return this.#changeEither(
      target,
      actor,
      { operation: 'pause' },
      {
        sale: async (sale) => ({ state: await sale.pause() }),
        room: async (room) => {
          await room.pause()
          return { state: 'paused' }
        },
      },
    )
  }

  /** Ends a pause. */
  resume(target: string, actor: Actor): Promise<Done<{ readonly state: SaleState | 'resumed' }>> {
    return this.#changeEither<{ readonly state: SaleState | 'resumed' }>(
      target,
      actor,
      { operation: 'resume' },
      {
        sale: async (sale) => ({ state: await sale.resume() }),
        room: async (room) => {
          await room.resume()
          return { state: 'resumed' }
        },
      },
    )
  }

  /** Ends a sale for ever. */
  end(target: string, actor: Actor): Promise<Done<{ readonly state: SaleState }>> {
    return this.#changeSale(target, actor, { operation: 'end' }, async (sale) => ({
      state: await sale.end(),
    }))
  }

  /** Changes the rules of a sale (`RulesUpdate`), or of a waiting room (`RoomUpdate`). */
  update(target: string, update: RulesUpdate | RoomUpdate, actor: Actor): Promise<Done<UpdateResult>> {
    return this.#changeEither(
      target,
      actor,
      { operation: 'update', arguments: update },
      {
        sale: (sale) => sale.update(update as RulesUpdate),
        room: (room) => room.update(update as RoomUpdate),
      },
    )
  }

  restock(
    target: string,
    restock: { sku: string; quantity: number; key: string },
    actor: Actor,
  ): Promise<Done<RestockResult>> {
    const change = { operation: 'restock', arguments: restock }
    return this.#changeSale(target, actor, change, (sale) => sale.restock(restock))
  }

  setTotal(
    target: string,
    count: { sku: string; total: number; key: string; countedAt?: Date | number | undefined },
    actor: Actor,
  ): Promise<Done<SetTotalResult>> {
    const change = { operation: 'set-total', arguments: count }
    return this.#changeSale(target, actor, change, (sale) => sale.setTotal(count))
  }

  move(
    target: string,
    move: { from: string; to: string; quantity: number; key: string },
    actor: Actor,
  ): Promise<Done<MoveResult>> {
    const change = { operation: 'move', arguments: move }
    return this.#changeSale(target, actor, change, (sale) => sale.move(move))
  }

  /**
   * Changes how many visitors a second a waiting room admits. Without `burst` that stays; the
   * answer has the one in force, or `null` if it could not be read.
   */
  rate(
    target: string,
    rate: { perSecond: number; burst?: number | undefined },
    actor: Actor,
  ): Promise<Done<{ readonly ratePerSecond: number; readonly burst: number | null }>> {
    const { perSecond, burst } = rate
    return this.#changeRoom(target, actor, { operation: 'rate', arguments: rate }, async (room) => {
      await room.setRate(perSecond, { burst })
      // The rate is set, whether or not the room can be read now.
      const inForce = burst ?? (await room.stats().catch(() => undefined))?.burst
      return { ratePerSecond: perSecond, burst: inForce ?? null }
    })
  }

  /** Takes a buyer's position or pass back, and refuses every further join. */
  block(target: string, buyer: string, actor: Actor): Promise<Done<{ readonly blocked: boolean }>> {
    const change = { operation: 'block', arguments: { buyer } }
    return this.#changeRoom(target, actor, change, (room) => room.block(buyer))
  }

  unblock(target: string, buyer: string, actor: Actor): Promise<Done<{ readonly unblocked: boolean }>> {
    const change = { operation: 'unblock', arguments: { buyer } }
    return this.#changeRoom(target, actor, change, (room) => room.unblock(buyer))
  }

  /** Has dead letters of a group tried again. */
  retryDeadLetters(
    target: string,
    letters: NamedLetters,
    actor: Actor,
  ): Promise<Done<{ readonly count: number }>> {
    return this.#settle(target, letters, 'retry', actor)
  }

  /** Deletes dead letters of a group: their events are never handled. */
  discardDeadLetters(
    target: string,
    letters: NamedLetters,
    actor: Actor,
  ): Promise<Done<{ readonly count: number }>> {
    return this.#settle(target, letters, 'discard', actor)
  }

  /** Compares a sale with the ledger; with `repair` it updates rows that differ. */
  reconcile(
    target: string,
    options: { repair?: boolean | undefined },
    actor: Actor,
  ): Promise<Done<Reconciliation>> {
    const repair = checkBoolean(checkOptions(options, 'options', RECONCILE).repair ?? false, 'repair')
    const { ledger } = this
    if (!ledger) throw invalid('ledger', 'must be given: a sale is compared with its ledger')
    return this.#changeSale(
      target,
      actor,
      { operation: 'reconcile', arguments: { repair }, summary: ({ ok, checked }) => ({ ok, checked }) },
      (sale) => ledger.reconcile(sale, { repair }),
    )
  }

  /**
   * Ends the freeze of a sale, or creates a lost one again. `ledger`: with all that the ledger has.
   * `replay`: with what the processes that sell have in memory, so it needs `everywhere`. `accept`:
   * what Redis has lost stays lost. See `recover` of a sale for `unfreeze`, `paused` and
   * `everywhere`.
   */
  async recover(target: string, options: RecoverRequest, actor: Actor): Promise<Recovered> {
    const { from, unfreeze, paused, everywhere } = checkOptions(options, 'options', RECOVER) as RecoverRequest
    const source = from === 'ledger' ? this.ledger : from
    if (source === undefined) throw invalid('from', "'ledger' needs a ledger: none was given")
    if (typeof source === 'string' && source !== 'accept' && source !== 'replay')
      throw invalid('from', "must be 'accept', 'replay' or 'ledger'")
    if (from === 'replay' && !everywhere)
      throw invalid('everywhere', 'must be given to replay: this process has sold nothing')
    // A sale that is gone cannot be looked up: its name alone leads to the ledger's record.
    const { kind, id } = parseTarget(target)
    if (kind === 'room') throw await this.noSale({ kind, id })
    const sale = { kind: 'sale', id } as const
    if (typeof source === 'string') await this.checkKnown(id)
    const { onProgress: _, ...waiting } = everywhere ?? {}
    const done = await this.#change(
      sale,
      actor,
      {
        ...{ operation: 'recover', arguments: { from, unfreeze, paused, ...waiting } },
        summary: ({ restored, refused, forgotten, state, ...more }: Recovery | RecoveryEverywhere) => ({
          ...{ restored, refused: refused.length, forgotten, state },
          ...('processes' in more && { resumed: more.processes.resumed, missing: more.processes.missing }),
        }),
      },
      (handle) =>
        everywhere
          ? recoverEverywhere(this.engine, this.deadlineMs, id, {
              from: source,
              unfreeze,
              paused,
              everywhere,
            })
          : handle.recover({ from: source, unfreeze, paused }),
    )
    return { ...done, ...(await leftByRecovery(this, done.target)) }
  }

  /** Removes a sale that has ended, or a waiting room. `force`: also while units are held. */
  destroy(
    target: string,
    options: { force?: boolean | undefined },
    actor: Actor,
  ): Promise<Done<DestroyResult>> {
    const force = checkBoolean(checkOptions(options, 'options', FORCE).force ?? false, 'force')
    return this.#changeEither(
      target,
      actor,
      { operation: 'destroy', arguments: { force } },
      {
        sale: (sale) => sale.destroy({ force }),
        room: (room) => room.destroy(),
      },
    )
  }

  #settle(
    target: string,
    letters: NamedLetters,
    action: 'retry' | 'discard',
    actor: Actor,
  ): Promise<Done<{ readonly count: number }>> {
    const { group, ids } = checkOptions(letters, 'letters', { group: true, ids: true } as const)
    const change = { operation: `dead-letters-${action}`, arguments: letters }
    return this.#changeSale(target, actor, change, async (sale) => {
      await this.checkGroup(sale, checkId(group, 'group'))
      const count = await new DeadLetters(sourceOf(sale), group as string).settle(ids as string[], action)
      return { count }
    })
  }

  async #changeSale<T>(
    target: string,
    actor: Actor,
    change: Change<T>,
    work: (sale: FlashSale) => Promise<T>,
  ): Promise<Done<T>> {
    return this.#change(await this.sale(target), actor, change, work)
  }

  async #changeRoom<T>(
    target: string,
    actor: Actor,
    change: Change<T>,
    work: (room: WaitingRoom) => Promise<T>,
  ): Promise<Done<T>> {
    const room = (await this.handles.resolve(target, 'room')) as Target & { readonly kind: 'room' }
    return this.#change(room, actor, change, work)
  }

  async #changeEither<T>(
    target: string,
    actor: Actor,
    change: Change<T>,
    work: {
      readonly sale: (sale: FlashSale) => Promise<T>
      readonly room: (room: WaitingRoom) => Promise<T>
    },
  ): Promise<Done<T>> {
    const { kind, id } = await this.handles.resolve(target)
    return kind === 'sale'
      ? this.#change({ kind, id }, actor, change, work.sale)
      : this.#change({ kind, id }, actor, change, work.room)
  }

  async #change<K extends Target['kind'], T>(
    target: Target & { readonly kind: K },
    actor: Actor,
    { operation, arguments: given = {}, summary = (result) => result }: Change<T>,
    work: (handle: HandleOf<K>) => Promise<T>,
  ): Promise<Done<T>> {
    const { by, reason } = checkActor(actor)
    const name = nameOf(target)
    const { result, logged } = await this.operationsLog.record(
      { by, reason, operation, target: name, arguments: given },
      () => this.handles.use(target, work),
      summary,
    )
    return { operation, target: name, result, logged }
  }
}
