import { performance } from 'node:perf_hooks'
import type { Redis } from 'ioredis'
import { notify } from '../common/callback.js'
import type { Engine, Partition } from '../engine/engine.js'
import type { GroupPort } from '../engine/groups.js'
import type { HeartbeatPort } from '../engine/heartbeat.js'
import { ListingEngine } from '../engine/listing.js'
import type { OperationsLogPort } from '../engine/operations-log.js'
import type { CommandMap, Port } from '../engine/port.js'
import type { Lifecycle } from '../engine/removal.js'
import type { RoomPort } from '../engine/room.js'
import { internal, invalid, StockholdError, unavailable } from '../errors.js'
import { connectionChannel } from '../telemetry/channels.js'
import { checkBoolean, checkInteger, checkOptions, type Names } from '../validation.js'
import { addressOf, masterFor, runOnCluster, watched } from './cluster.js'
import { commandsWith } from './commands.js'
import {
  type Connection,
  connect,
  connectionOf,
  connectionTo,
  isClient,
  isCluster,
  type RedisClient,
  serverOf,
} from './connection.js'
import type { RedisPort } from './define-port.js'
import { run } from './driver.js'
import { failure, replyCode } from './failure.js'
import { Functions } from './function-loading.js'
import { groupPort } from './groups/group-port.js'
import { heartbeatPort } from './heartbeat/heartbeat-port.js'
import {
  groupKeys,
  heartbeatKeys,
  indexKeys,
  operationsLogKeys,
  partitionKeys,
  removalKeys,
  roomKeys,
} from './keys.js'
import { operationsLogPort } from './operations/operations-log-port.js'
import { indexPort } from './removal/index-port.js'
import { removalPort, roomRemovalPort } from './removal/removal-port.js'
import { runReplicated } from './replication.js'
import { roomPort } from './room/room-port.js'
import { salePort } from './sale/sale-port.js'
import { compileClock, type Script, SERVER_TIME } from './script.js'
import { type Durability, verifyServer } from './server-check.js'
import { serversOf } from './servers.js'
import { Verification } from './verified-servers.js'

/** Options of `redisEngine`. */
export interface RedisEngineOptions {
  /**
   * The first part of every key: `{prefix:sale:partition}:...`. Sales of different prefixes are
   * independent.
   * @default 'stockhold'
   */
  prefix?: string | undefined
  /**
   * What an acknowledged answer survives. The server's configuration is verified with the first
   * request: UNSAFE_CONFIG says what to set.
   *
   * - `memory`: a crash of any client; a crash of Redis only as far as its configuration keeps
   *   data.
   * - `aof`: also a crash of Redis or its machine: requires `appendonly yes` with `appendfsync
   *   always`.
   * - `{ replicas, timeoutMs }`: also the loss of the machine: this number of replicas has the
   *   changes that an answer reports before the caller gets it (one WAIT a batch). If the replicas
   *   are too slow, the call fails with UNKNOWN_OUTCOME. A failover must still choose a replica
   *   that has the changes. Not for a Cluster.
   * @default 'memory'
   */
  durability?: Durability | undefined
  /**
   * Called when Redis cannot be used: for each failed attempt to connect, each lost connection, and
   * each server with an unsafe configuration. Calls fail with errors of their own.
   */
  onError?: ((error: StockholdError) => void) | undefined
  /**
   * How the server runs the commands: as Redis Functions, or as scripts. A lone call costs a server
   * about a third as a function. `functions` uses scripts where a server refuses functions.
   * https://redis.io/docs/latest/develop/programmability/functions-intro/
   * @default 'functions'
   */
  scripting?: 'functions' | 'eval' | undefined
  /**
   * Whether this process tells the others once a second that it lives, with its figures: one
   * command of some 40 µs, while a handle is open. Without it, the process is not in the list of
   * processes.
   * @default true
   */
  heartbeat?: boolean | undefined
}

const OPTIONS: Names<RedisEngineOptions> = {
  prefix: true,
  durability: true,
  onError: true,
  scripting: true,
  heartbeat: true,
}
const REPLICAS = { replicas: true, timeoutMs: true } as const

/**
 * The time source of an engine. Only tests replace the clocks of the server and of this process.
 */
export interface TimeSource {
  /** A Lua expression for seconds and microseconds. */
  readonly lua: string
  readonly elapsed: () => number
}

const realTime: TimeSource = { lua: SERVER_TIME, elapsed: () => performance.now() }

/**
 * The engine for production: every command is one atomic Lua script on Redis >= 7.0 or Valkey >=
 * 8.0.
 *
 * @param client An ioredis `Redis` or `Cluster` with any options (`close` does not end it), or a
 *   `redis://` URL, for which the engine creates its own client. On a Cluster the partitions of a
 *   sale are spread evenly over the masters; while a master is away, only its own partitions are
 *   `UNAVAILABLE`.
 * @throws {StockholdError} `INVALID_ARGUMENT`. The server is checked with the first request, which
 *   fails with `UNSAFE_CONFIG` if the server is too old or may evict keys; each master of a Cluster
 *   is checked before it is first used.
 */
export function redisEngine(client: RedisClient | string, options: RedisEngineOptions = {}): Engine {
  return redisEngineWith(realTime, client, options)
}

/** {@link redisEngine} with another time source. */
export function redisEngineWith(
  time: TimeSource,
  client: RedisClient | string,
  options: RedisEngineOptions = {},
): Engine {
  const given = checkOptions(options, 'options', OPTIONS)
  const {
    prefix = 'stockhold',
    durability = 'memory',
    onError,
    scripting = 'functions',
    heartbeat = true,
  } = given
  if (typeof prefix !== 'string' || prefix === '' || prefix.length > 64 || !prefix.isWellFormed()) {
    throw invalid('prefix', 'must be a well-formed string of 1 to 64 characters')
  }
  if (typeof client !== 'string' && !isClient(client)) {
    throw invalid('client', 'must be an ioredis client or a redis:// or rediss:// URL')
  }
  if (onError !== undefined && typeof onError !== 'function') throw invalid('onError', 'must be a function')
  if (scripting !== 'functions' && scripting !== 'eval')
    throw invalid('scripting', "must be 'functions' or 'eval'")
  const tell = onError as RedisEngineOptions['onError']
  return new RedisEngine(time, client, {
    ...{ prefix, scripting, onError: tell },
    durability: checkDurability(durability, client),
    heartbeat: checkBoolean(heartbeat, 'heartbeat'),
  })
}

function checkDurability(given: unknown, client: RedisClient | string): Durability {
  if (given === 'memory' || given === 'aof') return given
  if (typeof given === 'string')
    throw invalid('durability', "must be 'memory', 'aof' or { replicas, timeoutMs }")
  const { replicas, timeoutMs } = checkOptions(given, 'durability', REPLICAS)
  if (typeof client !== 'string' && isCluster(client))
    throw invalid(
      'durability',
      'must not ask for replicas with a Cluster: WAIT cannot be sent to the node that wrote',
    )
  return {
    replicas: checkInteger(replicas, 'durability.replicas', 1, 100),
    timeoutMs: checkInteger(timeoutMs, 'durability.timeoutMs', 1, 3_600_000),
  }
}

type CheckedOptions = Required<Pick<RedisEngineOptions, 'onError'>> & {
  readonly [K in 'prefix' | 'durability' | 'scripting' | 'heartbeat']: NonNullable<RedisEngineOptions[K]>
}

class RedisEngine extends ListingEngine implements Engine {
  readonly elapsed: () => number
  readonly #client: RedisClient
  readonly #ownsClient: boolean
  readonly #prefix: string
  readonly #durability: Durability
  readonly #commands: ReturnType<typeof commandsWith>
  readonly #functions: Functions
  readonly #clock: Script
  readonly #connection: Connection
  readonly #onError: ((error: StockholdError) => void) | undefined
  readonly #verification: Verification
  readonly lifecycle: Lifecycle
  readonly operationsLog: OperationsLogPort
  readonly heartbeat: HeartbeatPort | undefined
  readonly servers = () => serversOf(this.#client)
  #closed = false

  constructor(
    time: TimeSource,
    client: RedisClient | string,
    { prefix, durability, onError, scripting, heartbeat }: CheckedOptions,
  ) {
    super()
    this.#durability = durability
    this.elapsed = time.elapsed
    this.#ownsClient = typeof client === 'string'
    this.#client = typeof client === 'string' ? connect(client) : client
    this.#connection = connectionTo(this.#client)
    this.#onError = onError && ((error) => notify(onError, error))
    if (this.#onError) this.#connection.onError.add(this.#onError)
    this.#verification = new Verification((server, wasSafe) => this.#verify(server, wasSafe))
    this.#prefix = prefix
    this.#clock = compileClock(time.lua)
    this.#commands = commandsWith(time.lua)
    this.#functions = new Functions(this.#commands.library, scripting === 'functions')
    const { index, removal, roomRemoval, operationsLog } = this.#commands
    this.operationsLog = this.#port(operationsLogPort, operationsLog, operationsLogKeys(prefix))
    this.lifecycle = {
      index: this.#port(indexPort, index, indexKeys(prefix)),
      partition: (...partition) => this.#port(removalPort, removal, removalKeys(prefix, ...partition)),
      room: (name) => this.#port(roomRemovalPort, roomRemoval, roomKeys(prefix, name)),
    }
    this.heartbeat = heartbeat
      ? this.#port(heartbeatPort, this.#commands.heartbeat, heartbeatKeys(prefix))
      : undefined
  }

  partition(sale: string, index: number, partitions: number): Partition {
    const keys = partitionKeys(this.#prefix, sale, index, partitions)
    return this.#port(salePort, this.#commands.sale, keys, index)
  }

  groups(sale: string, index: number, partitions: number): GroupPort {
    return this.#port(groupPort, this.#commands.groups, groupKeys(this.#prefix, sale, index, partitions))
  }

  room(name: string): RoomPort {
    return this.#port(roomPort, this.#commands.room, roomKeys(this.#prefix, name))
  }

  async close(): Promise<void> {
    this.#closed = true
    if (this.#onError) this.#connection.onError.delete(this.#onError)
    if (this.#ownsClient && this.#client.status !== 'end') this.#client.disconnect()
  }

  #port<M extends CommandMap<M>>(
    port: RedisPort<M>,
    scripts: { readonly [C in keyof M]: Script },
    keys: string[],
    partition?: number,
  ): Required<Port<M>> {
    return {
      ready: () =>
        this.#closed
          ? Promise.reject(new StockholdError('CLOSED', 'the engine was closed. Nothing was sent.'))
          : this.#admit(keys),
      time: () => this.#time(keys),
      lastError: () => this.#connection.lastError,
      run: (command, ops, call) =>
        this.#send(
          scripts[command],
          keys,
          attempt('write the request', command, () => port.encode(command, ops, call, partition)),
          (reply) =>
            attempt('read the answer to', command, () => port.decode(command, ops, reply, partition)),
        ),
    }
  }

  #send<T>(script: Script, keys: string[], argument: Buffer, read: (reply: unknown[]) => T): Promise<T> {
    const client = this.#client
    const functions = this.#functions
    if (isCluster(client))
      return runOnCluster(client, this.#verification.admit, functions, script, keys, argument).then(read)
    const connection = connectionOf(client)
    const admit = () => this.#admit(keys)
    const durability = this.#durability
    const sent =
      typeof durability === 'object' && script.tells
        ? runReplicated(client, functions, script, keys, argument, durability, admit)
        : run(client, functions, script, keys, argument, admit)
    return sent.then(read, (error) => {
      if (isReplica(error)) this.#connection.leave(connection, error)
      throw failure(error, script.effect, connectionOf(client) !== connection)
    })
  }

  async #time(keys: string[]): Promise<number> {
    const read = (time: unknown[]) => time.map((part) => Number(String(part)))
    const asked = this.#send(this.#clock, keys, Buffer.alloc(0), read)
    const [seconds, microseconds] = await asked.catch((error: StockholdError) => {
      if (error.code !== 'UNKNOWN_OUTCOME') throw error
      throw unavailable('The server did not tell its time. Nothing was sent.', error)
    })
    return seconds! * 1_000 + Math.floor(microseconds! / 1_000)
  }

  /**
   * Resolves once calls with these keys may be sent; returns `undefined` if they may be sent now.
   */
  #admit(keys: string[]): Promise<void> | undefined {
    const server = this.#serverOf(keys)
    const waiting = server instanceof Promise ? server : this.#verification.admit(server)
    // The state may have changed again after the wait.
    return waiting?.then(() => this.#admit(keys))
  }

  /** The connection for calls with these keys, or a promise to wait for before asking again. */
  #serverOf(keys: string[]): Redis | Promise<void> {
    const client = this.#client
    return isCluster(client) ? masterFor(client, keys) : (this.#connection.ready() ?? client)
  }

  async #verify(server: Redis, wasSafe: boolean): Promise<void> {
    const client = this.#client
    try {
      const options = { wasSafe, ...(isCluster(client) && { name: addressOf(server) }) }
      const verifying = verifyServer(server, this.#durability, options).then(() =>
        this.#functions.prepare(server),
      )
      await (isCluster(client) ? watched(client, server, verifying) : verifying)
    } catch (error) {
      if (error instanceof StockholdError) {
        if (connectionChannel.hasSubscribers)
          connectionChannel.publish({ state: 'unsafe', server: serverOf(server), error })
        this.#onError?.(error)
      }
      throw error
    }
  }
}

/** The reply to a script shows that this server is a replica, perhaps without a master. */
function isReplica(error: unknown): error is Error {
  return ['READONLY', 'MASTERDOWN'].includes(replyCode(error) ?? '')
}

/** An error here is caused neither by the server nor by the caller. */
function attempt<T>(what: string, command: PropertyKey, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw error instanceof StockholdError ? error : internal(`${what} ${String(command)}`, error)
  }
}
