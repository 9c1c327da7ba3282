import { type Reading, ServerMeter } from '../../scripts/lib/load/server-meter.js'
import { startCluster } from '../../scripts/lib/servers/redis/cluster.js'
import { type Engine, redisEngine } from '../../src/index.js'
import type { Context } from '../part.js'
import { SellerProcesses } from './seller-processes.js'

/**
 * The masters that sales are spread over, the processes that sell there, and what the masters use.
 */
export class Masters {
  readonly count: number
  readonly engine: Engine
  readonly sellers: SellerProcesses
  readonly #meters: readonly ServerMeter[]
  readonly #isOwn: boolean
  readonly #stop: () => Promise<void>

  private constructor(
    engine: Engine,
    sellers: SellerProcesses,
    meters: readonly ServerMeter[],
    isOwn: boolean,
    stop: () => Promise<void>,
  ) {
    this.count = meters.length
    this.engine = engine
    this.sellers = sellers
    this.#meters = meters
    this.#isOwn = isOwn
    this.#stop = stop
  }

  static async one(context: Context): Promise<Masters> {
    const { url, own } = await context.redis()
    const prefix = context.prefix()
    const engine = redisEngine(url, { prefix })
    const sellers = await SellerProcesses.open({ urls: [url], cluster: false, prefix })
    return new Masters(engine, sellers, [new ServerMeter(url)], own, () => engine.close())
  }

  /** A cluster that is started for the part, without replicas. */
  static async three(context: Context): Promise<Masters> {
    const cluster = await startCluster({ masters: 3, replicas: 0 })
    try {
      const urls = cluster.nodes.map(({ server }) => server.url)
      const prefix = context.prefix()
      const engine = redisEngine(cluster.client(), { prefix })
      const sellers = await SellerProcesses.open({ urls, cluster: true, prefix })
      const meters = urls.map((url) => new ServerMeter(url))
      return new Masters(engine, sellers, meters, true, async () => {
        await engine.close()
        await cluster.stop()
      })
    } catch (error) {
      await cluster.stop()
      throw error
    }
  }

  /** Of all masters together. */
  async read(): Promise<Reading> {
    const readings = await Promise.all(this.#meters.map((meter) => meter.read()))
    return readings.reduce((sum, { cpu, memory, calls, scriptTime }) => ({
      cpu: sum.cpu + cpu,
      memory: sum.memory + memory,
      calls: sum.calls + calls,
      scriptTime: sum.scriptTime + scriptTime,
    }))
  }

  /**
   * Deletes everything from servers that the suite has started: the sales of earlier rounds would
   * make later rounds slower.
   */
  async clear(): Promise<void> {
    if (!this.#isOwn) return
    await Promise.all(this.#meters.map((meter) => meter.client.flushall('ASYNC')))
    await Promise.all(this.#meters.map((meter) => meter.settled()))
  }

  async stop(): Promise<void> {
    this.sellers.stop()
    for (const meter of this.#meters) meter.close()
    await this.#stop()
  }
}
