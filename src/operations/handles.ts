import { randomBytes } from 'node:crypto'
import type { Engine } from '../engine/engine.js'
import { isGone, isIncompatible, isLost, isNotFound } from '../errors.js'
import { withoutHeartbeat } from '../heartbeat/without-heartbeat.js'
import { FlashSale } from '../sale/flash-sale.js'
import { openRoom } from '../waiting-room/open-room.js'
import type { WaitingRoom } from '../waiting-room/waiting-room.js'
import {
  ambiguous,
  lostTarget,
  nameOf,
  parseTarget,
  type Target,
  unknownTarget,
  wrongKind,
} from './target.js'

const tuning = {
  /** How many handles stay open. */
  open: 256,
}

interface Handle {
  readonly opened: FlashSale | WaitingRoom
  /** It has been used: what it hears of a loss concerns what it has seen. */
  used: boolean
  /** How many calls are at it: it is closed after the last of them. */
  calls: number
  isDropped: boolean
}

/** The handle of a kind. */
export type HandleOf<K extends Target['kind']> = K extends 'sale' ? FlashSale : WaitingRoom

/**
 * Opens sales and waiting rooms by their ids alone: the rules are read from the engine. Handles
 * stay open, because the next operation is mostly about the same sale.
 */
export class Handles {
  readonly #engine: Engine
  readonly #deadlineMs: number
  readonly #handles = new Map<string, Handle>()
  /** Signs nothing: an operator gives no tickets and no passes. */
  readonly #secret = randomBytes(32).toString('hex')

  readonly #isLost: (target: Target) => Promise<boolean>

  /** @param isLost Whether Redis has forgotten it, and processes still know it. */
  constructor(engine: Engine, deadlineMs: number, isLost: (target: Target) => Promise<boolean>) {
    // No recovery waits for a process that only operates.
    this.#engine = withoutHeartbeat(engine)
    this.#deadlineMs = deadlineMs
    this.#isLost = isLost
  }

  /**
   * What a text means: `sale:ID`, `room:ID`, or an id that only one of them has.
   *
   * @param wanted The kind, if the operation is about one kind only.
   * @throws {StockholdError} `NOT_FOUND`; `INVALID_ARGUMENT`: both exist, or the kind is wrong.
   */
  async resolve(text: string, wanted?: Target['kind']): Promise<Target> {
    const { kind, id } = parseTarget(text)
    if (kind !== undefined && wanted !== undefined && kind !== wanted) throw wrongKind({ kind, id }, wanted)
    if (kind !== undefined) return { kind, id }
    const sale = { kind: 'sale', id } as const
    const room = { kind: 'room', id } as const
    const [isSale, isRoom] = await Promise.all([this.exists(sale), this.exists(room)])
    if (!isSale && !isRoom) throw unknownTarget(id)
    if (wanted === undefined && isSale && isRoom) throw ambiguous(id)
    const found = isSale && wanted !== 'room' ? sale : isRoom && wanted !== 'sale' ? room : undefined
    if (!found) throw wrongKind(isSale ? sale : room, wanted!)
    return found
  }

  /** Whether there is one, in whatever state. */
  async exists(target: Target): Promise<boolean> {
    if (this.#handles.get(nameOf(target))?.used) return true
    const look = (handle: FlashSale | WaitingRoom): Promise<unknown> =>
      handle instanceof FlashSale ? handle.rules() : handle.ready()
    return this.read(target, look).then(
      () => true,
      (error) => {
        if (isNotFound(error)) return false
        if (isLost(error) || isIncompatible(error)) return true
        throw error
      },
    )
  }

  /**
   * Does something by a handle. If that fails, nothing is tried again.
   *
   * @throws {StockholdError} `STATE_LOST`: also if it is lost and no handle here has seen it.
   */
  async use<K extends Target['kind'], T>(
    target: Target & { readonly kind: K },
    work: (handle: HandleOf<K>) => Promise<T>,
  ): Promise<T> {
    try {
      return await this.#use(target, work)
    } catch (error) {
      if (isNotFound(error) && (await this.#isLost(target))) throw lostTarget(target)
      throw error
    }
  }

  async #use<K extends Target['kind'], T>(
    target: Target & { readonly kind: K },
    work: (handle: HandleOf<K>) => Promise<T>,
  ): Promise<T> {
    const handle = await this.#open(target)
    try {
      const result = await work(handle.opened as HandleOf<K>)
      handle.used = true
      return result
    } catch (error) {
      // A name under which nothing was found is not kept: any number of them may be asked for.
      if (!handle.used && isNotFound(error)) await this.#drop(nameOf(target), handle)
      throw error
    } finally {
      handle.calls--
      if (handle.isDropped) await closeIfIdle(handle)
    }
  }

  /**
   * Reads something by a handle. A handle that has lost what it has seen is replaced if there is
   * another sale, or room, of this name.
   */
  async read<K extends Target['kind'], T>(
    target: Target & { readonly kind: K },
    work: (handle: HandleOf<K>) => Promise<T>,
  ): Promise<T> {
    const name = nameOf(target)
    const before = this.#handles.get(name)
    try {
      return await this.use(target, work)
    } catch (error) {
      if (!before?.used || !isGone(error)) throw error
      const fresh = await this.#make(target).catch(() => undefined)
      if (!fresh) throw error
      try {
        const result = await work(fresh.opened as HandleOf<K>)
        await this.#drop(name, before)
        this.#handles.set(name, { ...fresh, used: true })
        return result
      } catch {
        await fresh.opened.close()
        throw error
      }
    }
  }

  async close(): Promise<void> {
    const open = [...this.#handles.values()]
    this.#handles.clear()
    for (const { opened } of open) await opened.close()
  }

  async #open(target: Target): Promise<Handle> {
    const name = nameOf(target)
    const known = this.#handles.get(name)
    if (known) {
      // The one that was used least recently stands first.
      this.#handles.delete(name)
      this.#handles.set(name, known)
      known.calls++
      return known
    }
    const made = await this.#make(target)
    const meanwhile = this.#handles.get(name)
    const handle = meanwhile ?? made
    handle.calls++
    if (meanwhile) await made.opened.close()
    else this.#handles.set(name, made)
    for (const [oldest, idle] of [...this.#handles].slice(0, -tuning.open)) await this.#drop(oldest, idle)
    return handle
  }

  async #drop(name: string, handle: Handle): Promise<void> {
    if (this.#handles.get(name) === handle) this.#handles.delete(name)
    if (handle.isDropped) return
    handle.isDropped = true
    await closeIfIdle(handle)
  }

  async #make({ kind, id }: Target): Promise<Handle> {
    const options = { engine: this.#engine, deadlineMs: this.#deadlineMs }
    const opened =
      kind === 'sale' ? new FlashSale(id, options) : await openRoom(id, { ...options, secret: this.#secret })
    return { opened, used: false, calls: 0, isDropped: false }
  }
}

async function closeIfIdle({ calls, opened }: Handle): Promise<void> {
  if (calls === 0) await opened.close()
}
