import { type Cluster, Redis } from 'ioredis'
import { invalid, type StockholdError, unavailable } from '../errors.js'
import { isLasting, unreachable } from './failure.js'

/** An ioredis client, of any version in the peer range. */
export type RedisClient = Redis | Cluster

const tuning = {
  /** Between two times that a server is left which says it is a replica. ms */
  leavePauseMs: 500,
  /** So long, in ms, such a server is given to answer what it was sent before. */
  lastAnswersMs: 1_000,
}

/**
 * The client for a URL: it never resends by itself, since a request knows better when it is too
 * late.
 */
export function connect(url: string): Redis {
  if (!/^rediss?:\/\//.test(url) || !URL.canParse(url))
    throw invalid('client', 'must be an ioredis client or a redis:// or rediss:// URL')
  return new Redis(url, {
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    connectTimeout: 2_000,
  })
}

export function isClient(value: unknown): value is RedisClient {
  const client = value as { evalshaBuffer?: unknown; status?: unknown } | null
  return typeof client?.evalshaBuffer === 'function' && typeof client.status === 'string'
}

export function isCluster(client: RedisClient): client is Cluster {
  return client.isCluster
}

/**
 * What a client is connected by: another object for each connection, so that one can be told from
 * the next.
 */
export function connectionOf(client: Redis): object {
  return client.stream
}

/**
 * What is known of a client's connection. ioredis tells its listeners why it has none, and its
 * commands only that it has none; so this listens, once for all engines of the client.
 */
export class Connection {
  /** Told of each failure to connect, and of each connection that was lost. */
  readonly onTrouble = new Set<(trouble: StockholdError) => void>()
  readonly #client: RedisClient
  readonly #waiting: { resolve: () => void; reject: (error: unknown) => void }[] = []
  #trouble: unknown
  /**
   * Each attempt to connect ends as the latest one did, until the server or the client is changed.
   */
  #isHopeless = false
  /** Why the present attempt, or connection, ends has been told. */
  #isTold = false
  #wasReady: boolean
  #leftAt = Number.NEGATIVE_INFINITY
  /** The connection that is about to be left: nothing more is sent by it. */
  #leaving: object | undefined

  constructor(client: RedisClient) {
    this.#client = client
    this.#wasReady = client.status === 'ready'
    client.on('ready', () => this.#ready())
    client.on('error', (error: Error) => this.#failed(error))
    client.on('close', () => this.#closed())
    client.on('end', () => this.#reject(() => this.#ended()))
    // The other nodes may be reached all the same.
    if (isCluster(client)) client.on('node error', (error: Error) => this.#tell(error))
  }

  /** Why there is no connection, as far as is known. */
  get trouble(): StockholdError | undefined {
    if (this.#trouble === undefined) return undefined
    const trouble = unreachable(this.#trouble, this.#hint())
    // Of a Cluster that is connected it is one node's: calls to the others may succeed when they
    // are sent again.
    const isOneNode = isCluster(this.#client) && this.#client.status === 'ready'
    return isOneNode ? unavailable(trouble.message, trouble.cause) : trouble
  }

  /**
   * Resolves once the client can write; `undefined` if it can now.
   *
   * @throws {StockholdError} `UNAVAILABLE` if it never will by itself.
   */
  ready(): Promise<void> | undefined {
    const { status } = this.#client
    if (status === 'ready' && this.#isWritable()) return undefined
    if (status === 'end') return Promise.reject(this.#ended())
    if (status === 'wait') this.#client.connect().catch(() => {})
    else if (this.#isHopeless) return Promise.reject(this.trouble)
    return new Promise((resolve, reject) => void this.#waiting.push({ resolve, reject }))
  }

  /**
   * Leaves a server that says it is a replica now, if that is still the one it is connected to:
   * after a failover the same address leads to another. A client that would not connect again by
   * itself is left as it is.
   */
  leave(connection: object, refusal: Error): void {
    const client = this.#client as Redis
    const now = performance.now()
    if (connectionOf(client) !== connection || !this.#isWritable()) return
    if (typeof client.options.retryStrategy !== 'function' || now - this.#leftAt < tuning.leavePauseMs) return
    this.#leftAt = now
    this.#leaving = connection
    this.#tell(refusal)
    // What was sent before is answered first: a driver might send it again, and then its refusal
    // would say nothing of the first time. One that falls silent now would otherwise keep every
    // call waiting, for nothing more is sent by this connection.
    let isOver = false
    const end = () => {
      if (!isOver && connectionOf(client) === connection) client.disconnect(true)
      isOver = true
      clearTimeout(patience)
    }
    const patience = setTimeout(end, tuning.lastAnswersMs).unref()
    client.ping().then(end, end)
  }

  /**
   * From the moment on at which one side has ended it, a connection is of no use, whatever the
   * client's status.
   */
  #isWritable(): boolean {
    if (isCluster(this.#client)) return true
    return this.#client.stream.writable && connectionOf(this.#client) !== this.#leaving
  }

  #ready(): void {
    this.#wasReady = true
    this.#isHopeless = false
    this.#trouble = undefined
    for (const { resolve } of this.#waiting.splice(0)) resolve()
  }

  #closed(): void {
    if (!this.#isTold) {
      const reset = new Error(`the connection was closed${this.#wasReady ? '' : ' before it was ready'}`)
      this.#tell(Object.assign(reset, { code: 'ECONNRESET' }))
    }
    this.#isTold = false
    this.#wasReady = false
  }

  #failed(error: Error): void {
    // Of a Cluster that reaches none of its nodes: what one of them said.
    const { lastNodeError } = error as { lastNodeError?: Error | null }
    this.#tell(lastNodeError ?? error)
    this.#isHopeless = isLasting(this.#trouble)
    if (this.#isHopeless) this.#reject(() => this.trouble)
  }

  #tell(trouble: Error): void {
    this.#trouble = trouble
    this.#isHopeless = false
    this.#isTold = true
    for (const told of this.onTrouble) told(this.trouble!)
  }

  /** Where only one side speaks TLS, the other waits, or hangs up. */
  #hint(): string {
    const { options } = this.#client
    const { tls } = 'redisOptions' in options ? { ...options.redisOptions } : (options as { tls?: object })
    const { code } = this.#trouble as { code?: unknown }
    if (this.#wasReady) return ''
    if (tls)
      return code === 'ETIMEDOUT' || code === 'ECONNRESET'
        ? ' (is TLS spoken there? Otherwise: redis://)'
        : ''
    return code === 'ECONNRESET' ? ' (is TLS expected there? Then: rediss://)' : ''
  }

  #reject(error: () => unknown): void {
    for (const { reject } of this.#waiting.splice(0)) reject(error())
  }

  #ended(): StockholdError {
    const cause = this.trouble?.cause ?? new Error('Its owner has closed it.')
    return unavailable('The Redis client has ended. Nothing was sent.', cause, { retryable: false })
  }
}

const connections = new WeakMap<RedisClient, Connection>()

export function connectionTo(client: RedisClient): Connection {
  const known = connections.get(client)
  if (known) return known
  const fresh = new Connection(client)
  connections.set(client, fresh)
  return fresh
}
