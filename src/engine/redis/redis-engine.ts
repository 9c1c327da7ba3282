import { performance } from 'node:perf_hooks'
import { checkObject } from '../../check.js'
import { invalid, StockholdError } from '../../errors.js'
import type { Answer, Call, Command, Engine, Op, Partition, Reply } from '../engine.js'
import { codecs } from './codec.js'
import { type Client, connect, isClient, ready, run, verifyServer } from './driver.js'
import { denied, failure } from './failure.js'
import { partitionKeys } from './keys.js'
import { Writer } from './msgpack.js'
import { readOpened, writeSales } from './opening-codec.js'
import type { Codec } from './record-codec.js'
import { compileScripts, type Script, SERVER_TIME } from './script.js'

export interface RedisEngineOptions {
  /**
   * Stands at the head of every key: `{prefix:sale:partition}:...`. Sales of different prefixes know nothing of each other.
   * @default 'stockhold'
   */
  prefix?: string
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
  const { prefix = 'stockhold' } = checkObject(options, 'options', 'with `prefix`')
  if (typeof prefix !== 'string' || prefix === '' || prefix.length > 64 || !prefix.isWellFormed()) {
    throw invalid('prefix', 'must be a well-formed string of 1 to 64 characters')
  }
  if (typeof client !== 'string' && !isClient(client)) {
    throw invalid('client', 'must be an ioredis client or a redis:// or rediss:// URL')
  }
  return new RedisEngine(time, client, prefix)
}

class RedisEngine implements Engine {
  readonly elapsed: () => number
  readonly #client: Client
  readonly #ownsClient: boolean
  readonly #prefix: string
  readonly #scripts: Record<Command, Script>
  #verifying: Promise<void> | undefined
  #isVerified = false
  #closed = false

  constructor(time: TimeSource, client: Client | string, prefix: string) {
    this.elapsed = time.elapsed
    this.#ownsClient = typeof client === 'string'
    this.#client = typeof client === 'string' ? connect(client) : client
    this.#prefix = prefix
    this.#scripts = compileScripts(time.lua)
  }

  partition(sale: string, index: number): Partition {
    const keys = partitionKeys(this.#prefix, sale, index)
    return {
      ready: () => this.#ready(),
      run: (command, ops, call) => this.#run(index, keys, command, ops, call),
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    if (this.#ownsClient && this.#client.status !== 'end') this.#client.disconnect()
  }

  async #run<C extends Command>(
    partition: number,
    keys: string[],
    command: C,
    ops: readonly Op<C>[],
    call: Call,
  ): Promise<Reply<C>> {
    try {
      const reply = await run(this.#client, this.#scripts[command], keys, encode(command, ops, call))
      return decode(partition, command, ops, reply)
    } catch (error) {
      throw failure(error)
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
    this.#verifying ??= verifyServer(this.#client)
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

const writer = new Writer()

function encode<C extends Command>(command: C, ops: readonly Op<C>[], call: Call): Buffer {
  return writer.pack(() => {
    writer.text(call.token ?? '')
    writer.integer(Math.max(0, Math.floor(call.deadline)))
    writer.integer(Math.max(0, Math.floor(call.floor)))
    if (command === 'create') writeSales(ops as readonly Op<'create'>[], writer)
    else codecOf(command)?.write(ops, writer)
  })
}

function codecOf<C extends Command>(command: C): Codec<C> | undefined {
  return (codecs as unknown as Record<string, Codec<C>>)[command]
}

function decode<C extends Command>(
  partition: number,
  command: C,
  ops: readonly Op<C>[],
  reply: unknown[],
): Reply<C> {
  const outcome = String(reply[0])
  const now = Number(reply[1])
  if (outcome === 'missing' || outcome === 'lost') return { outcome, now }
  if (outcome === 'done') {
    const details = {
      partition,
      now,
      sequence: Number(reply[2]),
      epoch: Number(reply[3]),
      holdMs: Number(reply[4]),
      statuses: reply[5] as Buffer,
      next: iterate(reply, 6),
    }
    if (details.statuses.length !== ops.length)
      throw new RangeError(`${command} answered other than it was asked`)
    return { outcome, now, sequence: details.sequence, answers: codecOf(command)!.read(ops, details) }
  }
  if (outcome === 'denied') throw denied()
  if (outcome === 'opened') {
    return { outcome: 'done', now, sequence: 0, answers: readOpened(reply) as Answer<C>[] }
  }
  if (outcome !== 'described') throw new RangeError('the reply has an unknown shape')
  const answer = {
    status: outcome,
    token: String(reply[2]),
    rules: JSON.parse(String(reply[3])),
  } as Answer<C>
  return { outcome: 'done', now, sequence: 0, answers: ops.map(() => answer) }
}

function iterate(reply: unknown[], from: number): () => unknown {
  let at = from
  return () => {
    if (at >= reply.length) throw new RangeError('the reply ends early')
    return reply[at++]
  }
}
