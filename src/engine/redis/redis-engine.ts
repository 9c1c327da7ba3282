import { performance } from 'node:perf_hooks'
import type { Redis } from 'ioredis'
import { checkInteger, checkOptions, type Names } from '../../check.js'
import { invalid, StockholdError } from '../../errors.js'
import type { Command, Engine, Partition } from '../engine.js'
import type { HandoffCommand, HandoffPort } from '../handoff.js'
import type { RoomCommand, RoomPort } from '../room.js'
import { addressOf, masterFor, runOnCluster, watched } from './cluster.js'
import {
  type Client,
  connect,
  connectionsLost,
  isClient,
  isCluster,
  ready,
  run,
  runReplicated,
} from './driver.js'
import { failure } from './failure.js'
import { compileHandoffScripts } from './handoff/handoff-scripts.js'
import { decodeHandoff, encodeHandoff } from './handoff/handoff-wire.js'
import { handoffKeys, partitionKeys, roomKeys } from './keys.js'
import { compileRoomScripts } from './room/room-scripts.js'
import { decodeRoom, encodeRoom } from './room/room-wire.js'
import { compileScripts, type Script, SERVER_TIME } from './script.js'
import { type Durability, verifyServer } from './server-check.js'
import { decode, encode } from './wire.js'

export interface RedisEngineOptions {
  /**
   * Stands at the head of every key: `{prefix:sale:partition}:...`. Sales of different prefixes know nothing of each other.
   * @default 'stockhold'
   */
  prefix?: string | undefined
  /**
   * What an acknowledged answer survives. The server is verified to keep it with the first request: UNSAFE_CONFIG says what to set.
   *
   * - `memory`: a crash of any client; of Redis itself whatever its configuration keeps.
   * - `aof`: also a crash of Redis or its machine: `appendonly yes` with `appendfsync always`.
   * - `{ replicas, timeoutMs }`: also the loss of the machine: so many replicas have each write before it is acknowledged
   *   (one WAIT a batch). Where they are too slow it is UNKNOWN_OUTCOME. A failover must still choose a replica that has it.
   *   Not for a Cluster.
   * @default 'memory'
   */
  durability?: Durability | undefined
}

const OPTIONS: Names<RedisEngineOptions> = { prefix: true, durability: true }
const REPLICAS = { replicas: true, timeoutMs: true } as const

/** Where an engine's time comes from. Only tests give one that is not the server's and this process'. */
export interface TimeSource {
  /** A Lua expression for seconds and microseconds. */
  readonly lua: string
  readonly elapsed: () => number
}

const realTime: TimeSource = { lua: SERVER_TIME, elapsed: () => performance.now() }

/**
 * The engine for production: every command is one atomic Lua script on Redis >= 7.0 or Valkey >= 8.0.
 *
 * @param client An ioredis `Redis` or `Cluster` with any options (it stays yours: `close` does not end it), or a `redis://` URL, for
 *   which the engine makes a client of its own. On a Cluster the partitions of a sale are spread evenly over the masters, and while one
 *   of those is away, only its own partitions are `UNAVAILABLE`.
 * @throws {StockholdError} `INVALID_ARGUMENT`. The server is looked at with the first request, which fails with
 *   `UNSAFE_CONFIG` where it is too old or may evict keys; of a Cluster, each master before it is first used.
 */
export function redisEngine(client: Client | string, options: RedisEngineOptions = {}): Engine {
  return redisEngineWith(realTime, client, options)
}

/** {@link redisEngine} with a time source of one's own. */
export function redisEngineWith(
  time: TimeSource,
  client: Client | string,
  options: RedisEngineOptions = {},
): Engine {
  const { prefix = 'stockhold', durability = 'memory' } = checkOptions(options, 'options', OPTIONS)
  if (typeof prefix !== 'string' || prefix === '' || prefix.length > 64 || !prefix.isWellFormed()) {
    throw invalid('prefix', 'must be a well-formed string of 1 to 64 characters')
  }
  if (typeof client !== 'string' && !isClient(client)) {
    throw invalid('client', 'must be an ioredis client or a redis:// or rediss:// URL')
  }
  return new RedisEngine(time, client, prefix, checkDurability(durability, client))
}

function checkDurability(given: unknown, client: Client | string): Durability {
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
  readonly #client: Client
  readonly #ownsClient: boolean
  readonly #prefix: string
  readonly #durability: Durability
  readonly #scripts: Record<Command, Script>
  readonly #handoffScripts: Record<HandoffCommand, Script>
  readonly #roomScripts: Record<RoomCommand, Script>
  readonly #verified = new WeakSet<Redis>()
  readonly #verifying = new WeakMap<Redis, Promise<void>>()
  #closed = false

  constructor(time: TimeSource, client: Client | string, prefix: string, durability: Durability) {
    this.#durability = durability
    this.elapsed = time.elapsed
    this.#ownsClient = typeof client === 'string'
    this.#client = typeof client === 'string' ? connect(client) : client
    this.#prefix = prefix
    this.#scripts = compileScripts(time.lua)
    this.#handoffScripts = compileHandoffScripts(time.lua)
    this.#roomScripts = compileRoomScripts(time.lua)
  }

  partition(sale: string, index: number, partitions: number): Partition {
    const keys = partitionKeys(this.#prefix, sale, index, partitions)
    return {
      ready: () => this.#ready(keys),
      run: (command, ops, call) =>
        this.#run(
          this.#scripts[command],
          keys,
          () => encode(index, command, ops, call),
          (reply) => decode(index, command, ops, reply),
        ),
    }
  }

  handoff(sale: string, index: number, partitions: number): HandoffPort {
    const keys = handoffKeys(this.#prefix, sale, index, partitions)
    return {
      ready: () => this.#ready(keys),
      run: (command, ops, call) =>
        this.#run(
          this.#handoffScripts[command],
          keys,
          () => encodeHandoff(command, ops, call),
          (reply) => decodeHandoff(command, ops, reply),
        ),
    }
  }

  room(name: string): RoomPort {
    const keys = roomKeys(this.#prefix, name)
    return {
      ready: () => this.#ready(keys),
      run: (command, ops, call) =>
        this.#run(
          this.#roomScripts[command],
          keys,
          () => encodeRoom(command, ops, call),
          (reply) => decodeRoom(command, ops, reply),
        ),
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    if (this.#ownsClient && this.#client.status !== 'end') this.#client.disconnect()
  }

  async #run<R>(
    script: Script,
    keys: string[],
    write: () => Buffer,
    read: (reply: unknown[]) => R,
  ): Promise<R> {
    const client = this.#client
    const lostBefore = connectionsLost(client)
    try {
      const durability = this.#durability
      if (isCluster(client)) return read(await runOnCluster(client, this.#verify, script, keys, write()))
      const reply =
        typeof durability === 'object' && script.writes
          ? await runReplicated(client, script, keys, write(), durability)
          : await run(client, script, keys, write())
      return read(reply)
    } catch (error) {
      throw failure(error, true, connectionsLost(client) !== lostBefore)
    }
  }

  #ready(keys: string[]): Promise<void> | undefined {
    if (this.#closed)
      return Promise.reject(new StockholdError('CLOSED', 'the engine was closed. Nothing was sent.'))
    const server = this.#serverOf(keys)
    if (server instanceof Promise) return server.then(() => this.#ready(keys))
    return this.#verify(server)
  }

  /** The connection that calls with these keys go by, or what to wait for until there may be one. */
  #serverOf(keys: string[]): Redis | Promise<void> {
    const client = this.#client
    return isCluster(client) ? masterFor(client, keys) : (ready(client) ?? client)
  }

  /**
   * Each server before it is first used, so of a cluster each master by itself, and again when its connection is a new one: whoever is away, or
   * unsafe, keeps nobody from the others.
   */
  readonly #verify = (server: Redis): Promise<void> | undefined => {
    if (this.#verified.has(server)) return undefined
    const known = this.#verifying.get(server)
    if (known) return known
    const client = this.#client
    const verifying = (
      isCluster(client)
        ? watched(client, server, verifyServer(server, this.#durability, addressOf(server)))
        : verifyServer(server, this.#durability)
    )
      .then(() => void this.#verified.add(server))
      .catch((error) => {
        throw failure(error, false)
      })
      .finally(() => this.#verifying.delete(server))
    this.#verifying.set(server, verifying)
    return verifying
  }
}
