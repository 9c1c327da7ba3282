import type { Redis } from 'ioredis'
import { connectionOf } from './connection.js'
import { isLasting, replyCode } from './failure.js'
import { LAST_USE, type Library } from './function-library.js'

/** ioredis has a buffer variant of every command; its types leave out those of scripts. */
export interface Evaluator {
  evalBuffer(text: string, keyCount: number, ...rest: (string | Buffer)[]): Promise<unknown>
  fcallBuffer(name: string, keyCount: number, ...rest: (string | Buffer)[]): Promise<unknown>
}

const tuning = {
  /** After a refusal that may pass (no memory, a busy server) functions are tried again. ms */
  tryAgainMs: 10_000,
}

/**
 * Whether a server runs the commands as Redis Functions. A server that refuses to (a right is
 * missing, the hoster allows none, no memory is left) runs them as scripts, which cost more.
 */
export class Functions {
  readonly #library: Library
  readonly #isWanted: boolean
  /** By connection: `true` if functions work, or when to try again. */
  readonly #states = new WeakMap<object, true | number>()
  readonly #preparing = new WeakMap<Redis, Promise<void>>()
  /** When to try again on a server that ended the connection in answer to a trial. */
  readonly #avoided = new WeakMap<Redis, number>()

  constructor(library: Library, isWanted: boolean) {
    this.#library = library
    this.#isWanted = isWanted
  }

  /** The function of a command, if the server has it. */
  nameOf(command: string, server: Redis): string | undefined {
    const state = this.#states.get(connectionOf(server))
    if (state === true) return `${this.#library.name}_${command}`
    if (state !== undefined && performance.now() >= state) this.prepare(server).catch(() => {})
    return undefined
  }

  /**
   * Loads the library where it is missing, and finds out by a trial call whether it can be used.
   *
   * @throws The driver's error if the connection was lost.
   */
  prepare(server: Redis): Promise<void> {
    if (!this.#isWanted) return Promise.resolve()
    const known = this.#preparing.get(server)
    if (known) return known
    const preparing = this.#prepare(server).finally(() => this.#preparing.delete(server))
    this.#preparing.set(server, preparing)
    return preparing
  }

  async #prepare(server: Redis): Promise<void> {
    const connection = connectionOf(server)
    const now = performance.now()
    const avoided = this.#avoided.get(server) ?? 0
    if (now < avoided) return void this.#states.set(connection, avoided)
    try {
      await this.#try(server)
      this.#states.set(connection, true)
    } catch (error) {
      // A proxy may know no such command and hang up, and an impatient client may give up.
      const isAnswered = replyCode(error) !== undefined
      if (!isAnswered) this.#avoided.set(server, now + tuning.tryAgainMs)
      if (!isAnswered && connectionOf(server) !== connection) throw error
      this.#states.set(connection, isLasting(error) ? Number.POSITIVE_INFINITY : now + tuning.tryAgainMs)
    }
  }

  async #try(server: Redis): Promise<void> {
    const evaluator = server as unknown as Evaluator
    const trial = () => evaluator.fcallBuffer(`${this.#library.name}_${LAST_USE}`, 0)
    try {
      await trial()
    } catch (error) {
      if (!isUnknownFunction(error)) throw error
      // Another process may have loaded it in between.
      await server.function('LOAD', this.#library.text).catch((refusal) => {
        if (!/already exists/.test(String(refusal))) throw refusal
      })
      await trial()
    }
  }
}

function isUnknownFunction(error: unknown): boolean {
  return replyCode(error) === 'ERR' && /^ERR Function not found/.test((error as Error).message)
}

/**
 * Whether the server has not called the function, because it has lost it or no longer allows it.
 */
export function isNotCalled(error: unknown): boolean {
  if (isUnknownFunction(error)) return true
  return replyCode(error) === 'NOPERM' && /'fcall'/i.test((error as Error).message)
}
