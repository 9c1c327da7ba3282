import { type Clock, processClock } from '../engine/clock.js'
import type { Engine } from '../engine/engine.js'
import type { EngineServer, ServerFigures } from '../engine/servers.js'
import { Slopes } from './slopes.js'
import type { ServersView, ServerView } from './view.js'

const tuning = {
  /** How many servers are asked. */
  asked: 64,
  /** A server that has not answered for so long is away. ms */
  awayMs: 5_000,
  /** For how long a replica is missed. ms */
  missedMs: 3_600_000,
}

/** The servers of an engine. Each is asked once with each reading, which waits for none of them. */
export class Servers {
  readonly #engine: Engine
  readonly #clock: Clock
  readonly #known = new Map<string, Server>()
  /** The most replicas that were there, and when. */
  #most = { replicas: 0, at: Number.NEGATIVE_INFINITY }

  constructor(engine: Engine) {
    this.#engine = engine
    this.#clock = engine.clock ?? processClock
  }

  /** As far as they have answered. `null`: the engine has none. */
  read(): ServersView | null {
    const all = this.#engine.servers?.()
    if (!all) return null
    const now = this.#clock.now()
    const asked = all.slice(0, tuning.asked)
    for (const address of this.#known.keys())
      if (!asked.some((one) => one.address === address)) this.#known.delete(address)
    const servers = asked.map((one) => {
      const server = this.#known.get(one.address) ?? new Server(this.#clock)
      this.#known.set(one.address, server)
      server.ask(one)
      return { address: one.address, ...server.view(now) }
    })
    return { servers, count: all.length, missingReplicas: this.#missing(servers, now) }
  }

  /** A failover changes the masters, and leaves one replica less: all are counted together. */
  #missing(servers: readonly ServerView[], now: number): number {
    if (servers.length === 0 || servers.some(({ state }) => state !== 'told')) return 0
    const replicas = servers.reduce((sum, { figures }) => sum + figures!.replicaCount, 0)
    if (replicas >= this.#most.replicas || now - this.#most.at > tuning.missedMs)
      this.#most = { replicas, at: now }
    return this.#most.replicas - replicas
  }
}

class Server {
  readonly #clock: Clock
  readonly #slopes = new Slopes()
  #isAsked = false
  #heardAt: number
  #latest: { readonly figures: ServerFigures | null; readonly busyShare: number | null } | undefined

  constructor(clock: Clock) {
    this.#clock = clock
    this.#heardAt = clock.now()
  }

  /** One question at a time: a server that hangs is not asked again. */
  ask(server: EngineServer): void {
    if (this.#isAsked) return
    this.#isAsked = true
    server
      .figures()
      .then((figures) => this.#hear(figures ?? null))
      .catch(() => {})
      .finally(() => {
        this.#isAsked = false
      })
  }

  view(now: number): Omit<ServerView, 'address'> {
    const { figures = null, busyShare = null } = this.#latest ?? {}
    const isAway = now - this.#heardAt >= tuning.awayMs
    const state = isAway ? 'away' : !this.#latest ? 'asked' : figures ? 'told' : 'denied'
    return { state, figures, busyShare }
  }

  #hear(figures: ServerFigures | null): void {
    this.#heardAt = this.#clock.now()
    const cpu = figures?.cpuSeconds ?? null
    const perSecond = cpu === null ? null : this.#slopes.perSecond('cpu', cpu, this.#heardAt)
    // A server that has restarted begins at zero.
    this.#latest = { figures, busyShare: perSecond === null || perSecond < 0 ? null : perSecond }
  }
}
