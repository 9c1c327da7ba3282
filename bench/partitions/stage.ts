import { type Reading, ServerMeter } from '../../scripts/lib/load/server-meter.js'
import { startCluster } from '../../scripts/lib/servers/redis/cluster.js'
import { type Engine, redisEngine } from '../../src/index.js'
import type { Context } from '../part.js'
import { Crew } from './crew.js'

/** The masters that sales are spread over, who sells there, and what they have used together. */
export class Masters {
  readonly count: number
  readonly engine: Engine
  readonly crew: Crew
  readonly #meters: readonly ServerMeter[]
  readonly #isOwn: boolean
  readonly #stop: () => Promise<void>

  private constructor(
    engine: Engine,
    crew: Crew,
    meters: readonly ServerMeter[],
    isOwn: boolean,
    stop: () => Promise<void>,
  ) {
    this.count = meters.length
    this.engine = engine
    this.crew = crew
    this.#meters = meters
    this.#isOwn = isOwn
    this.#stop = stop
  }

  static async one(context: Context): Promise<Masters> {
    const { url, own } = await context.redis()
    const prefix = context.prefix()
    const engine = redisEngine(url, { prefix })
    const crew = await Crew.open({ urls: [url], cluster: false, prefix })
    return new Masters(engine, crew, [new ServerMeter(url)], own, () => engine.close())
  }

  /** A real cluster of our own, without replicas. */
  static async three(context: Context): Promise<Masters> {
    const cluster = await startCluster({ masters: 3, replicas: 0 })
    try {
      const urls = cluster.nodes.map(({ server }) => server.url)
      const prefix = context.prefix()
      const engine = redisEngine(cluster.client(), { prefix })
      const crew = await Crew.open({ urls, cluster: true, prefix })
      const meters = urls.map((url) => new ServerMeter(url))
      return new Masters(engine, crew, meters, true, async () => {
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
    return readings.reduce((sum, { cpu, memory, calls }) => ({
      cpu: sum.cpu + cpu,
      memory: sum.memory + memory,
      calls: sum.calls + calls,
    }))
  }

  /** Of servers that are ours everything is deleted: what lies there from earlier rounds would make later ones slower. */
  async clear(): Promise<void> {
    if (!this.#isOwn) return
    await Promise.all(this.#meters.map((meter) => meter.client.flushall('ASYNC')))
    await Promise.all(this.#meters.map((meter) => meter.settled()))
  }

  async stop(): Promise<void> {
    this.crew.stop()
    for (const meter of this.#meters) meter.close()
    await this.#stop()
  }
}
