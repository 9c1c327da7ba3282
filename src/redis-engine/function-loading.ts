import type { Redis } from 'ioredis'
import { isLasting, replyCode } from './failure.js'
import { LAST_USE, type Library } from './function-library.js'

/** ioredis has a buffer variant of every command; its types leave out those of scripts. */
export interface Evaluator {
  evalBuffer(text: string, keyCount: number, ...rest: (string | Buffer)[]): Promise<unknown>
  evalshaBuffer(sha: string, keyCount: number, ...rest: (string | Buffer)[]): Promise<unknown>
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
  /** Until when the server is not asked again; `true` if it has the library. */
  readonly #states = new WeakMap<Redis, true | number>()
  readonly #preparing = new WeakMap<Redis, Promise<void>>()

  constructor(library: Library, isWanted: boolean) {
    this.#library = library
    this.#isWanted = isWanted
  }

  /** The function of a command, if the server has it. */
  nameOf(command: string, server: Redis): string | undefined {
    const state = this.#states.get(server)
    if (state === true) return `${this.#library.name}_${command}`
    if (state !== undefined && performance.now() >= state) this.prepare(server).catch(() => {})
    return undefined
  }

  /**
   * Loads the library where it is missing, and finds out by a trial call whether it can be used.
   *
   * @throws The driver's error if the server cannot be reached.
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
    try {
      await this.#try(server)
      this.#states.set(server, true)
    } catch (error) {
      if (replyCode(error) === undefined) throw error
      const pause = isLasting(error) ? Number.POSITIVE_INFINITY : tuning.tryAgainMs
      this.#states.set(server, performance.now() + pause)
    }
  }

  async #try(server: Redis): Promise<void> {
    const evaluator = server as unknown as Evaluator
    const trial = () => evaluator.fcallBuffer(`${this.#library.name}_${LAST_USE}`, 0)
    try {
      await trial()
    } catch (error) {
      if (!isNotCalled(error)) throw error
      // Another process may have loaded it in between.
      await server.function('LOAD', this.#library.text).catch((refusal) => {
        if (!/already exists/.test(String(refusal))) throw refusal
      })
      await trial()
    }
  }
}

/**
 * Whether the server has not called the function, because it has lost it or no longer allows it.
 */
export function isNotCalled(error: unknown): boolean {
  const code = replyCode(error)
  if (code === 'ERR') return /^ERR Function not found/.test((error as Error).message)
  return code === 'NOPERM' && /'fcall'/i.test((error as Error).message)
}
