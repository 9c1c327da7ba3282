/** A server that keeps the state of an engine: a master, if there are several. */
export interface EngineServer {
  /** `host:port`, or the path of its socket. */
  readonly address: string
  /**
   * What it tells of itself. `undefined`: it tells nothing to the engine's user, who has no right
   * to ask. Rejects if it does not answer; it may never settle.
   */
  figures(): Promise<ServerFigures | undefined>
}

/** What a server tells of itself. What it leaves out is `null`. */
export interface ServerFigures {
  /** Such as `Redis 7.2.4`. */
  readonly version: string
  /** bytes */
  readonly usedMemory: number | null
  /** The limit that is set; `null`: none is. bytes */
  readonly maxMemory: number | null
  /** The memory of the machine. bytes */
  readonly machineMemory: number | null
  /** What the server deletes when its memory is used up. */
  readonly policy: string | null
  /** CPU time since its start; of the thread that runs commands, if it tells it. s */
  readonly cpuSeconds: number | null
  readonly clients: number | null
  readonly maxClients: number | null
  /** Those that are connected, at most {@link MAX_REPLICAS} of them. */
  readonly replicas: readonly ReplicaFigures[]
  readonly replicaCount: number
}

export interface ReplicaFigures {
  readonly address: string
  /** It follows the master. */
  readonly isOnline: boolean
  /** How long ago it was heard of. s */
  readonly lagSeconds: number | null
  /** What it has not confirmed yet. bytes */
  readonly behindBytes: number | null
}

/** The most replicas of a server whose figures are told. */
export const MAX_REPLICAS = 16

/** Memory that is used to this share of its limit is nearly used up. */
export const FULL_SHARE = 0.8
/** A replica that was not heard of for so long has lost the connection, or is too slow. s */
export const LAG_SECONDS = 5

/** The limit of a server's memory: the one that is set, or else the machine. bytes */
export function memoryLimit({ maxMemory, machineMemory }: ServerFigures): number | null {
  return maxMemory ?? machineMemory
}

/** The share of its memory that a server uses. */
export function memoryShare(figures: ServerFigures): number | null {
  const limit = memoryLimit(figures)
  return limit === null || figures.usedMemory === null ? null : figures.usedMemory / limit
}

/** Whether a failover to this replica may lose what was acknowledged. */
export function isBehind({ isOnline, lagSeconds }: ReplicaFigures): boolean {
  return !isOnline || (lagSeconds ?? 0) > LAG_SECONDS
}

/** Whether the server may delete keys without a TTL, such as those of this library. */
export function mayEvict(policy: string | null): boolean {
  // The volatile policies delete keys with a TTL only, and no key of this library has one.
  return policy !== null && policy !== 'noeviction' && !policy.startsWith('volatile-')
}
