import { performance } from 'node:perf_hooks'
import type { Redis } from 'ioredis'
import { notify } from '../common/callback.js'
import type { Command, Engine, Partition } from '../engine/engine.js'
import type { GroupCommand, GroupPort } from '../engine/groups.js'
import type { CommandMap, Port } from '../engine/port.js'
import type { RoomCommand, RoomPort } from '../engine/room.js'
import { internal, invalid, StockholdError, unavailable } from '../errors.js'
import { checkInteger, checkOptions, type Names } from '../validation.js'
import { addressOf, masterFor, runOnCluster, watched } from './cluster.js'
import {
  type Connection,
  connect,
  connectionOf,
  connectionTo,
  isClient,
  isCluster,
  type RedisClient,
} from './connection.js'
import type { RedisPort } from './define-port.js'
import { run } from './driver.js'
import { failure, replyCode } from './failure.js'
import { groupPort } from './groups/group-port.js'
import { groupKeys, partitionKeys, roomKeys } from './keys.js'
import { runReplicated } from './replication.js'
import { roomPort } from './room/room-port.js'
import { salePort } from './sale/sale-port.js'
import { compileClock, type Script, SERVER_TIME } from './script.js'
import { type Durability, verifyServer } from './server-check.js'
import { Verification } from './verified-servers.js'

/** Options of `redisEngine`. */
export interface RedisEngineOptions {
  /**
   * Stands at the head of every key: `{prefix:sale:partition}:...`. Sales of different prefixes
   * know nothing of each other.
   * @default 'stockhold'
   */
  prefix?: string | undefined
  /**
   * What an acknowledged answer survives. The server is verified to keep it with the first request:
   * UNSAFE_CONFIG says what to set.
   *
   * - `memory`: a crash of any client; of Redis itself whatever its configuration keeps.
   * - `aof`: also a crash of Redis or its machine: `appendonly yes` with `appendfsync always`.
   * - `{ replicas, timeoutMs }`: also the loss of the machine: so many replicas have what an answer
   *   tells of before it is given (one WAIT a batch). Where they are too slow it is
   *   UNKNOWN_OUTCOME. A failover must still choose a replica that has it. Not for a Cluster.
   * @default 'memory'
   */
  durability?: Durability | undefined
  /**
   * Told why Redis cannot be used: of each failed attempt to connect, each connection that was
   * lost, and each server that must not be used as it is configured. Calls hear of it by their own
   * errors.
   */
  onError?: ((error: StockholdError) => void) | undefined
}

const OPTIONS: Names<RedisEngineOptions> = { prefix: true, durability: true, onError: true }
const REPLICAS = { replicas: true, timeoutMs: true } as const

/**
 * Where an engine's time comes from. Only tests give one that is not the server's and this
 * process'.
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
 * @param client An ioredis `Redis` or `Cluster` with any options (it stays yours: `close` does not
 *   end it), or a `redis://` URL, for which the engine makes a client of its own. On a Cluster the
 *   partitions of a sale are spread evenly over the masters, and while one of those is away, only
 *   its own partitions are `UNAVAILABLE`.
 * @throws {StockholdError} `INVALID_ARGUMENT`. The server is looked at with the first request,
 *   which fails with `UNSAFE_CONFIG` where it is too old or may evict keys; of a Cluster, each
 *   master before it is first used.
 */
export function redisEngine(client: RedisClient | string, options: RedisEngineOptions = {}): Engine {
  return redisEngineWith(realTime, client, options)
}

/** {@link redisEngine} with a time source of one's own. */
export function redisEngineWith(
  time: TimeSource,
  client: RedisClient | string,
  options: RedisEngineOptions = {},
): Engine {
  const { prefix = 'stockhold', durability = 'memory', onError } = checkOptions(options, 'options', OPTIONS)
  if (typeof prefix !== 'string' || prefix === '' || prefix.length > 64 || !prefix.isWellFormed()) {
    throw invalid('prefix', 'must be a well-formed string of 1 to 64 characters')
  }
  if (typeof client !== 'string' && !isClient(client)) {
    throw invalid('client', 'must be an ioredis client or a redis:// or rediss:// URL')
  }
  if (onError !== undefined && typeof onError !== 'function') throw invalid('onError', 'must be a function')
  const tell = onError as RedisEngineOptions['onError']
  return new RedisEngine(time, client, prefix, checkDurability(durability, client), tell)
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

class RedisEngine implements Engine {
  readonly elapsed: () => number
  readonly #client: RedisClient
  readonly #ownsClient: boolean
  readonly #prefix: string
  readonly #durability: Durability
  readonly #scripts: Record<Command, Script>
  readonly #groupScripts: Record<GroupCommand, Script>
  readonly #roomScripts: Record<RoomCommand, Script>
  readonly #clock: Script
  readonly #connection: Connection
  readonly #onError: ((error: StockholdError) => void) | undefined
  readonly #verification: Verification
  #closed = false

  constructor(
    time: TimeSource,
    client: RedisClient | string,
    prefix: string,
    durability: Durability,
    onError: RedisEngineOptions['onError'],
  ) {
    this.#durability = durability
    this.elapsed = time.elapsed
    this.#ownsClient = typeof client === 'string'
    this.#client = typeof client === 'string' ? connect(client) : client
    this.#connection = connectionTo(this.#client)
    this.#onError = onError && ((error) => notify(onError, error))
    if (this.#onError) this.#connection.onTrouble.add(this.#onError)
    this.#verification = new Verification((server, wasSafe) => this.#verify(server, wasSafe))
    this.#prefix = prefix
    this.#clock = compileClock(time.lua)
    this.#scripts = salePort.compile(time.lua)
    this.#groupScripts = groupPort.compile(time.lua)
    this.#roomScripts = roomPort.compile(time.lua)
  }

  partition(sale: string, index: number, partitions: number): Partition {
    const keys = partitionKeys(this.#prefix, sale, index, partitions)
    return this.#port(salePort, this.#scripts, keys, index)
  }

  groups(sale: string, index: number, partitions: number): GroupPort {
    return this.#port(groupPort, this.#groupScripts, groupKeys(this.#prefix, sale, index, partitions))
  }

  room(name: string): RoomPort {
    return this.#port(roomPort, this.#roomScripts, roomKeys(this.#prefix, name))
  }

  async close(): Promise<void> {
    this.#closed = true
    if (this.#onError) this.#connection.onTrouble.delete(this.#onError)
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
      lastError: () => this.#connection.trouble,
      run: async (command, ops, call) => {
        const name = String(command)
        const argument = attempt(`write the request ${name}`, () =>
          port.encode(command, ops, call, partition),
        )
        const reply = await this.#send(scripts[command], keys, argument)
        return attempt(`read the answer to ${name}`, () => port.decode(command, ops, reply, partition))
      },
    }
  }

  async #send(script: Script, keys: string[], argument: Buffer): Promise<unknown[]> {
    const client = this.#client
    if (isCluster(client)) return runOnCluster(client, this.#verification.admit, script, keys, argument)
    const connection = connectionOf(client)
    const admit = () => this.#admit(keys)
    const durability = this.#durability
    try {
      return typeof durability === 'object' && script.tells
        ? await runReplicated(client, script, keys, argument, durability, admit)
        : await run(client, script, keys, argument, admit)
    } catch (error) {
      if (isReplica(error)) this.#connection.leave(connection, error)
      throw failure(error, script.effect, connectionOf(client) !== connection)
    }
  }

  async #time(keys: string[]): Promise<number> {
    const time = await this.#send(this.#clock, keys, Buffer.alloc(0)).catch((error: StockholdError) => {
      if (error.code !== 'UNKNOWN_OUTCOME') throw error
      throw unavailable('The server did not tell its time. Nothing was sent.', error)
    })
    const [seconds, microseconds] = time.map((part) => Number(String(part)))
    return seconds! * 1_000 + Math.floor(microseconds! / 1_000)
  }

  /** Resolves once calls with these keys may be sent; `undefined` if they may be now. */
  #admit(keys: string[]): Promise<void> | undefined {
    const server = this.#serverOf(keys)
    const waiting = server instanceof Promise ? server : this.#verification.admit(server)
    // What was waited for may have passed again.
    return waiting?.then(() => this.#admit(keys))
  }

  /**
   * The connection that calls with these keys go by, or what to wait for until there may be one.
   */
  #serverOf(keys: string[]): Redis | Promise<void> {
    const client = this.#client
    return isCluster(client) ? masterFor(client, keys) : (this.#connection.ready() ?? client)
  }

  async #verify(server: Redis, wasSafe: boolean): Promise<void> {
    const client = this.#client
    try {
      if (!isCluster(client)) return await verifyServer(server, this.#durability, { wasSafe })
      const verifying = verifyServer(server, this.#durability, { wasSafe, name: addressOf(server) })
      await watched(client, server, verifying)
    } catch (error) {
      if (error instanceof StockholdError) this.#onError?.(error)
      throw error
    }
  }
}

/** A script like any other says that this server takes no orders, or that it knows of none. */
function isReplica(error: unknown): error is Error {
  return ['READONLY', 'MASTERDOWN'].includes(replyCode(error) ?? '')
}

/** What fails here is neither the server's doing nor the caller's. */
function attempt<T>(what: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw error instanceof StockholdError ? error : internal(what, error)
  }
}
