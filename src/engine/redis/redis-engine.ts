import { performance } from 'node:perf_hooks'
import { checkInteger, checkObject } from '../../check.js'
import { invalid, StockholdError } from '../../errors.js'
import type { Command, Engine, Partition } from '../engine.js'
import type { RoomCommand, RoomPort } from '../room.js'
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
import { partitionKeys, roomKeys } from './keys.js'
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
  prefix?: string
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
  durability?: Durability
}

/** Where an engine's time comes from. Only tests give one that is not the server's and this process'. */
export interface TimeSource {
  /** A Lua expression for seconds and microseconds. */
  readonly lua: string
  readonly elapsed: () => number
}

const realTime: TimeSource = { lua: SERVER_TIME, elapsed: () => performance.now() }

/**
 * The engine for production: every command is one atomic Lua script on Redis >= 7.0 or Valkey >= 7.2.
 *
 * @param client An ioredis client with any options (it stays yours: `close` does not end it), or a `redis://` URL, for
 *   which the engine makes a client of its own.
 * @throws {StockholdError} `INVALID_ARGUMENT`. The server is looked at with the first request, which fails with
 *   `UNSAFE_CONFIG` where it is too old or may evict keys.
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
  const { prefix = 'stockhold', durability = 'memory' } = checkObject(options, 'options', 'with `prefix`')
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
  const { replicas, timeoutMs } = checkObject(
    given,
    'durability',
    "with `replicas` and `timeoutMs`, or 'memory' or 'aof'",
  )
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
  readonly #roomScripts: Record<RoomCommand, Script>
  #verifying: Promise<void> | undefined
  #isVerified = false
  #closed = false

  constructor(time: TimeSource, client: Client | string, prefix: string, durability: Durability) {
    this.#durability = durability
    this.elapsed = time.elapsed
    this.#ownsClient = typeof client === 'string'
    this.#client = typeof client === 'string' ? connect(client) : client
    this.#prefix = prefix
    this.#scripts = compileScripts(time.lua)
    this.#roomScripts = compileRoomScripts(time.lua)
  }

  partition(sale: string, index: number): Partition {
    const keys = partitionKeys(this.#prefix, sale, index)
    return {
      ready: () => this.#ready(),
      run: (command, ops, call) =>
        this.#run(
          this.#scripts[command],
          keys,
          () => encode(command, ops, call),
          (reply) => decode(index, command, ops, reply),
        ),
    }
  }

  room(name: string): RoomPort {
    const keys = roomKeys(this.#prefix, name)
    return {
      ready: () => this.#ready(),
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
    const lostBefore = connectionsLost(this.#client)
    try {
      const durability = this.#durability
      const reply =
        typeof durability === 'object' && script.writes
          ? await runReplicated(this.#client, script, keys, write(), durability)
          : await run(this.#client, script, keys, write())
      return read(reply)
    } catch (error) {
      throw failure(error, true, connectionsLost(this.#client) !== lostBefore)
    }
  }

  #ready(): Promise<void> | undefined {
    if (this.#closed)
      return Promise.reject(new StockholdError('CLOSED', 'the engine was closed. Nothing was sent.'))
    const connecting = ready(this.#client)
    if (connecting) return connecting.then(() => this.#ready())
    return this.#isVerified ? undefined : this.#verify()
  }

  #verify(): Promise<void> {
    this.#verifying ??= verifyServer(this.#client, this.#durability)
      .then(() => {
        this.#isVerified = true
      })
      .catch((error) => {
        throw failure(error, false)
      })
      .finally(() => {
        this.#verifying = undefined
      })
    return this.#verifying
  }
}
