import { BatcherSet, type CallOptions } from '../../batching/batcher-set.js'
import { Session } from '../../batching/session.js'
import { between, type Clock, processClock, type Timer } from '../../engine/clock.js'
import { type Effects, indexEffects, roomRemovalEffects } from '../../engine/effects.js'
import type { Engine } from '../../engine/engine.js'
import type { CommandMap, Port } from '../../engine/port.js'
import type { Lifecycle, RoomRemovalCommands } from '../../engine/removal.js'
import type { IndexCommands, IndexEntry } from '../../engine/sale-index.js'
import { StockholdError } from '../../errors.js'
import type { RetainedSale } from './retained-sale.js'

const tuning = {
  /** How often a process looks for sales to remove, in ms: spread, for each is looked at by all. */
  everyMs: { least: 20_000, most: 40_000 },
  /** How much longer it waits for each sale with a `retainMs`, in ms. */
  aSaleMs: 20,
  /** How long one call may last, in ms. */
  callMs: 10_000,
}

const looking = new WeakMap<Engine, Retention>()

/**
 * Removes the sales of an engine whose `retainMs` is over, and continues removals whose process has
 * crashed. It looks now and then, once for each engine, while the engine has handles. Its timer
 * never keeps a process alive.
 *
 * @param open Opens a sale to be looked at.
 * @returns To be called when the handle is closed.
 */
export function removeRetained(engine: Engine, open: (sale: string) => RetainedSale): () => void {
  if (!engine.lifecycle) return () => {}
  let retention = looking.get(engine)
  if (!retention) {
    retention = new Retention(engine, engine.lifecycle, open)
    looking.set(engine, retention)
  }
  return retention.enter()
}

class Retention {
  readonly #engine: Engine
  #handles = 0
  #timer: Timer | undefined
  #isLooking = false
  readonly #lifecycle: Lifecycle
  readonly #open: (sale: string) => RetainedSale
  readonly #clock: Clock
  readonly #index: BatcherSet<IndexCommands>
  /** How many sales have a `retainMs`. */
  #retained = 0
  /** When to look again at a sale that has ended, by incarnation and this clock. */
  readonly #notBefore = new Map<string, number>()

  constructor(engine: Engine, lifecycle: Lifecycle, open: (sale: string) => RetainedSale) {
    this.#engine = engine
    this.#lifecycle = lifecycle
    this.#open = open
    this.#clock = engine.clock ?? processClock
    this.#index = this.#batchers(lifecycle.index, indexEffects)
  }

  /** @returns Ends what this call has begun. */
  enter(): () => void {
    this.#handles++
    this.#wait()
    let isIn = true
    return () => {
      if (isIn && --this.#handles === 0) this.#stop()
      isIn = false
    }
  }

  #wait(): void {
    if (this.#handles === 0 || this.#timer || this.#isLooking) return
    const { least, most } = tuning.everyMs
    const ms = between(least, most, this.#clock) + tuning.aSaleMs * this.#retained
    this.#timer = this.#clock.after(ms, () => void this.#run())
    this.#timer.keepAlive(false)
  }

  #stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  async #run(): Promise<void> {
    this.#stop()
    this.#isLooking = true
    try {
      await this.#look()
    } catch (error) {
      // A closed engine is looked at no more. Otherwise the server may be reachable the next time.
      if (error instanceof StockholdError && error.code === 'CLOSED') return void looking.delete(this.#engine)
    } finally {
      this.#isLooking = false
    }
    this.#wait()
  }

  async #look(): Promise<void> {
    const found = new Map<string, IndexEntry>()
    for (let cursor = '0'; ; ) {
      const page = await this.#index.ask('list', { cursor }, this.#call(), (answer) => answer)
      for (const entry of page.entries)
        if (entry.state === 'removing' || (entry.state === 'live' && entry.retains))
          found.set(entry.incarnation, entry)
      cursor = page.cursor
      if (cursor === '0') break
    }
    this.#retained = found.size
    for (const incarnation of this.#notBefore.keys())
      if (!found.has(incarnation)) this.#notBefore.delete(incarnation)
    for (const entry of found.values()) await this.#consider(entry).catch(unlessClosed)
  }

  async #consider(entry: IndexEntry): Promise<void> {
    const { kind, name, incarnation, partitions, state } = entry
    if (kind === 'room') return this.#eraseRoom(entry)
    const now = this.#clock.now()
    if (now < (this.#notBefore.get(incarnation) ?? 0)) return
    const sale = this.#open(name)
    try {
      const call = this.#call()
      const restMs =
        state === 'removing'
          ? await sale.erase(incarnation, partitions, call)
          : await sale.removeIfDue(incarnation, partitions, call)
      if (restMs > 0) this.#notBefore.set(incarnation, now + restMs)
    } finally {
      sale.close()
    }
  }

  async #eraseRoom({ kind, name, incarnation, partitions }: IndexEntry): Promise<void> {
    const call = this.#call()
    const room = this.#batchers<RoomRemovalCommands>(this.#lifecycle.room(name), roomRemovalEffects)
    await room.ask('erase', { incarnation }, call, () => {})
    await this.#index.ask('finish', { kind, name, incarnation, partitions }, call, () => {})
  }

  #batchers<M extends CommandMap<M>>(port: Port<M>, effects: Effects<M>): BatcherSet<M> {
    const gate = { max: Number.POSITIVE_INFINITY, open: 0 }
    return new BatcherSet(port, effects, new Session('the index of sales', gate, this.#engine.clock))
  }

  #call(): CallOptions {
    return { deadline: this.#clock.now() + tuning.callMs }
  }
}

/** What fails with one sale does not keep the others from being removed. */
function unlessClosed(error: unknown): void {
  if (error instanceof StockholdError && error.code === 'CLOSED') throw error
}
