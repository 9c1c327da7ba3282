import { BatcherSet, type CallOptions } from '../batching/batcher-set.js'
import type { IndexClient } from '../batching/index-client.js'
import type { Gone } from '../batching/rollback-detection.js'
import { Session } from '../batching/session.js'
import { roomRemovalEffects } from '../engine/effects.js'
import type { Engine } from '../engine/engine.js'
import type { Lifecycle, RoomRemovalCommands } from '../engine/removal.js'
import { StockholdError } from '../errors.js'

/**
 * Removes the room of a handle, and finds out why a room is not there. A room is one partition, so
 * it needs no seal: see `engine/sale-index.ts`.
 */
export class RoomRemoval {
  readonly #port: BatcherSet<RoomRemovalCommands>
  readonly #index: IndexClient
  readonly #title: string
  /** Of the handle that removes or asks. */
  readonly #incarnation: () => string | null
  readonly #call: () => CallOptions
  /** The incarnation that was removed, as far as this handle has heard. */
  #removed: string | null = null

  constructor(
    engine: Engine,
    lifecycle: Lifecycle,
    name: string,
    index: IndexClient,
    handle: { incarnation(): string | null; call(): CallOptions },
  ) {
    this.#title = `the waiting room ${JSON.stringify(name)}`
    const gate = { max: Number.POSITIVE_INFINITY, open: 0 }
    const place = { sale: null, room: name, partition: null }
    const session = new Session(this.#title, gate, engine.clock, place)
    this.#port = new BatcherSet(lifecycle.room(name), roomRemovalEffects, session)
    this.#index = index
    this.#incarnation = () => handle.incarnation()
    this.#call = () => handle.call()
  }

  /** The incarnation of this handle was removed, and the handle has heard so. */
  get isRemoved(): boolean {
    return this.#removed !== null && this.#removed === this.#incarnation()
  }

  /** @param learn Fails if there is no room. */
  async destroy(learn: () => Promise<unknown>, call: CallOptions): Promise<void> {
    for (;;) {
      const incarnation = this.#incarnation() ?? (await this.#incarnationThere(call))
      if (incarnation === undefined) await learn()
      else if (await this.#decide(incarnation, call)) {
        this.#removed = incarnation
        return this.erase(incarnation, call)
      }
    }
  }

  /** Erases an incarnation that was removed. */
  async erase(incarnation: string, call: CallOptions): Promise<void> {
    await this.#port.ask('erase', { incarnation }, call, () => {})
    await this.#index.finish(incarnation, 1, call)
  }

  /** See `explain` of a session. */
  explain(outcome: Gone): Promise<StockholdError> | undefined {
    const incarnation = this.#incarnation()
    return incarnation === null ? undefined : this.#find(outcome, incarnation)
  }

  async #find(outcome: Gone, incarnation: string): Promise<StockholdError> {
    const call = this.#call()
    if (!(await this.#index.findRemoved(incarnation, call)))
      return new StockholdError(
        'STATE_LOST',
        `${this.#title} is ${outcome === 'lost' ? 'damaged or another one' : 'missing'} in Redis: it has lost its state. ` +
          'To open it again, close this handle and call create of another one: the visitors join again.',
      )
    this.#removed = incarnation
    return new StockholdError(
      'NOT_FOUND',
      `${this.#title} was removed. Nothing was executed. A room that was created again under this name needs another handle.`,
    )
  }

  /** Whether the incarnation is to be erased; `false`: another process has begun an attempt. */
  async #decide(incarnation: string, call: CallOptions): Promise<boolean> {
    const { state, attempt } = await this.#index.register(incarnation, 1, call, { attempts: true })
    return state !== 'live' || this.#index.commit(incarnation, attempt, call)
  }

  async #incarnationThere(call: CallOptions): Promise<string | undefined> {
    return this.#port.ask('inspect', {}, call, (found) =>
      found.status === 'found' ? found.incarnation : undefined,
    )
  }
}
