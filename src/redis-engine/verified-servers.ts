import type { Redis } from 'ioredis'
import { connectionOf } from './connection.js'
import { failure } from './failure.js'

/**
 * The servers that may be used. Each server is checked before the first command is sent to it, and
 * again on each new connection: another server may be at the same address. Each master of a cluster
 * is checked separately: a master that is away, or unsafe, does not block calls to the others.
 */
export class Verification {
  readonly #verify: (server: Redis, wasSafe: boolean) => Promise<void>
  readonly #verified = new WeakMap<Redis, object>()
  readonly #verifying = new WeakMap<Redis, Promise<void>>()
  #wasSafe = false

  /** @param verify Rejects if the server must not be used. `wasSafe`: one was used before. */
  constructor(verify: (server: Redis, wasSafe: boolean) => Promise<void>) {
    this.#verify = verify
  }

  /**
   * Resolves once the server may be used by its present connection; returns `undefined` if it may
   * be used now.
   */
  readonly admit = (server: Redis): Promise<void> | undefined => {
    if (this.#verified.get(server) === connectionOf(server)) return undefined
    const known = this.#verifying.get(server)
    if (known) return known
    const verifying = this.#look(server).finally(() => this.#verifying.delete(server))
    this.#verifying.set(server, verifying)
    return verifying
  }

  /** If the connection changed during the check, its result applies to neither connection. */
  async #look(server: Redis): Promise<void> {
    for (;;) {
      const connection = connectionOf(server)
      try {
        await this.#verify(server, this.#wasSafe)
      } catch (error) {
        throw failure(error, 'none')
      }
      if (connectionOf(server) !== connection) continue
      this.#wasSafe = true
      this.#verified.set(server, connection)
      return
    }
  }
}
