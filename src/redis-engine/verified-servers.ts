import type { Redis } from 'ioredis'
import { connectionOf } from './connection.js'
import { failure } from './failure.js'

/**
 * Which servers may be used. Each is looked at before anything is sent to it, and again when it is
 * connected to by another connection: another server may stand at the same address. Of a cluster
 * each master by itself: one that is away, or unsafe, keeps no call from the others.
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
   * Resolves once the server may be used by the connection it has; `undefined` if it may be now.
   */
  readonly admit = (server: Redis): Promise<void> | undefined => {
    if (this.#verified.get(server) === connectionOf(server)) return undefined
    const known = this.#verifying.get(server)
    if (known) return known
    const verifying = this.#look(server).finally(() => this.#verifying.delete(server))
    this.#verifying.set(server, verifying)
    return verifying
  }

  /** What was asked by one connection and answered by another says nothing of either. */
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
