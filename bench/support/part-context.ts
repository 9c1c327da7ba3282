import { randomBytes } from 'node:crypto'
import { deleteKeys } from '../../scripts/lib/servers/redis/client.js'
import { redisServerBinary } from '../../scripts/lib/servers/redis/provision.js'
import { type RedisServer, startRedis } from '../../scripts/lib/servers/redis/server.js'
import type { Progress } from '../../scripts/lib/terminal/progress-line.js'
import type { BenchRedis, Context } from '../part.js'

export interface PartOptions {
  /** The URL of a foreign Redis. */
  readonly redis: string | undefined
  readonly quick: boolean
  readonly realTime: boolean
  readonly seed: number
}

/** What one part works with; {@link close} ends all of it. */
export class PartContext implements Context {
  readonly quick: boolean
  readonly realTime: boolean
  readonly seed: number
  readonly progress: Progress
  readonly #foreign: string | undefined
  readonly #servers: Promise<RedisServer>[] = []
  readonly #stem = `bench-${randomBytes(6).toString('hex')}-`
  #prefixes = 0
  #main: Promise<BenchRedis> | undefined

  constructor(options: PartOptions, progress: Progress) {
    this.quick = options.quick
    this.realTime = options.realTime
    this.seed = options.seed
    this.progress = progress
    this.#foreign = options.redis
  }

  redis(): Promise<BenchRedis> {
    // A server for each part, so that no part measures what another has left there or configured.
    this.#main ??=
      this.#foreign === undefined ? this.ownRedis({}) : Promise.resolve({ url: this.#foreign, own: false })
    return this.#main
  }

  async ownRedis(config: Record<string, string>): Promise<BenchRedis> {
    // The first time Redis may have to be downloaded, which the user should know.
    await redisServerBinary({ log: (line) => this.progress.note(line) })
    const started = startRedis({ config })
    this.#servers.push(started)
    return { url: (await started).url, own: true }
  }

  prefix(): string {
    return `${this.#stem}${++this.#prefixes}`
  }

  /** Stops the servers of this part, and deletes its keys on a foreign one. */
  async close(): Promise<void> {
    const servers = this.#servers.splice(0)
    const stopped = Promise.all(servers.map((server) => server.then(({ stop }) => stop()).catch(() => {})))
    if (this.#foreign !== undefined && this.#prefixes > 0) await deleteKeys(this.#foreign, this.#stem)
    await stopped
  }
}
