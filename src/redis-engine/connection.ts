import { type Cluster, Redis } from 'ioredis'
import { invalid, type StockholdError, unavailable } from '../errors.js'
import { connectionChannel } from '../telemetry/channels.js'
import { isLasting, unreachable } from './failure.js'

/** An ioredis client, of any version in the peer range. */
export type RedisClient = Redis | Cluster

const tuning = {
  /** The least time between two disconnects from a server that says it is a replica. ms */
  leavePauseMs: 500,
  /** How long such a server may take to answer the commands sent before, in ms. */
  lastAnswersMs: 1_000,
}

/**
 * The client for a URL: it never resends by itself, because only the request knows when it is too
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

/** The object that identifies a client's present connection: each connection has another one. */
export function connectionOf(client: Redis): object {
  return client.stream
}

/**
 * The state of a client's connection. ioredis reports the cause of a failure to its listeners only,
 * not to its commands; so this class listens, once for all engines of the client.
 */
export class Connection {
  /** Called for each failure to connect, and for each lost connection. */
  readonly onError = new Set<(error: StockholdError) => void>()
  readonly #client: RedisClient
  readonly #waiting: { resolve: () => void; reject: (error: unknown) => void }[] = []
  #lastError: unknown
  /**
   * Each attempt to connect will end as the latest one did, until the server or the client is
   * changed.
   */
  #isHopeless = false
  /** The cause of the end of the present attempt, or connection, has been reported. */
  #isReported = false
  #wasReady: boolean
  #leftAt = Number.NEGATIVE_INFINITY
  /** The connection that is about to be closed: no more commands are sent by it. */
  #leaving: object | undefined

  constructor(client: RedisClient) {
    this.#client = client
    this.#wasReady = client.status === 'ready'
    client.on('ready', () => this.#ready())
    client.on('error', (error: Error) => this.#failed(error))
    client.on('close', () => this.#closed())
    client.on('end', () => this.#reject(() => this.#ended()))
    // The other nodes may still be reachable.
    if (isCluster(client)) client.on('node error', (error: Error) => this.#report(error))
  }

  /** Why there is no connection, if known. */
  get lastError(): StockholdError | undefined {
    if (this.#lastError === undefined) return undefined
    const error = unreachable(this.#lastError, this.#hint())
    // If a Cluster is connected, the failure concerns one node: calls to the others may succeed
    // when they are sent again.
    const isOneNode = isCluster(this.#client) && this.#client.status === 'ready'
    return isOneNode ? unavailable(error.message, error.cause) : error
  }

  /**
   * Resolves once the client can write; returns `undefined` if it can now.
   *
   * @throws {StockholdError} `UNAVAILABLE` if it never will by itself.
   */
  ready(): Promise<void> | undefined {
    const { status } = this.#client
    if (status === 'ready' && this.#isWritable()) return undefined
    if (status === 'end') return Promise.reject(this.#ended())
    if (status === 'wait') this.#client.connect().catch(() => {})
    else if (this.#isHopeless) return Promise.reject(this.lastError)
    return new Promise((resolve, reject) => void this.#waiting.push({ resolve, reject }))
  }

  /**
   * Disconnects from a server that says it is a replica now, if the client is still connected to
   * it: after a failover the same address leads to another server. A client that would not
   * reconnect by itself stays connected.
   */
  leave(connection: object, refusal: Error): void {
    const client = this.#client as Redis
    const now = performance.now()
    if (connectionOf(client) !== connection || !this.#isWritable()) return
    if (typeof client.options.retryStrategy !== 'function' || now - this.#leftAt < tuning.leavePauseMs) return
    this.#leftAt = now
    this.#leaving = connection
    this.#report(refusal)
    // Commands sent before are answered first: a driver might resend them, and then a refusal would
    // not tell the outcome of the first time. The wait is limited, because a server that falls
    // silent now would keep every call waiting: no more commands are sent by this connection.
    let isOver = false
    const end = () => {
      if (!isOver && connectionOf(client) === connection) client.disconnect(true)
      isOver = true
      clearTimeout(patience)
    }
    const patience = setTimeout(end, tuning.lastAnswersMs).unref()
    client.ping().then(end, end)
  }

  /** Once either side has ended a connection, it is of no use, whatever the client's status. */
  #isWritable(): boolean {
    if (isCluster(this.#client)) return true
    return this.#client.stream.writable && connectionOf(this.#client) !== this.#leaving
  }

  #ready(): void {
    this.#wasReady = true
    this.#isHopeless = false
    this.#lastError = undefined
    if (connectionChannel.hasSubscribers)
      connectionChannel.publish({ state: 'ready', server: serverOf(this.#client), error: null })
    for (const { resolve } of this.#waiting.splice(0)) resolve()
  }

  #closed(): void {
    if (!this.#isReported) {
      const reset = new Error(`the connection was closed${this.#wasReady ? '' : ' before it was ready'}`)
      this.#report(Object.assign(reset, { code: 'ECONNRESET' }))
    }
    this.#isReported = false
    this.#wasReady = false
  }

  #failed(error: Error): void {
    // If a Cluster reaches none of its nodes: the error of one of them.
    const { lastNodeError } = error as { lastNodeError?: Error | null }
    this.#report(lastNodeError ?? error)
    this.#isHopeless = isLasting(this.#lastError)
    if (this.#isHopeless) this.#reject(() => this.lastError)
  }

  #report(error: Error): void {
    this.#lastError = error
    this.#isHopeless = false
    this.#isReported = true
    if (connectionChannel.hasSubscribers)
      connectionChannel.publish({ state: 'failed', server: serverOf(this.#client), error: this.lastError! })
    for (const listener of this.onError) listener(this.lastError!)
  }

  /** If only one side uses TLS, the other waits, or hangs up. */
  #hint(): string {
    const { options } = this.#client
    const { tls } = 'redisOptions' in options ? { ...options.redisOptions } : (options as { tls?: object })
    const { code } = this.#lastError as { code?: unknown }
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
    const cause = this.lastError?.cause ?? new Error('Its owner has closed it.')
    return unavailable('The Redis client has ended. Nothing was sent.', cause, { retryable: false })
  }
}

/** Where a client connects to, for telemetry. `null`: a Cluster, or found by Sentinels. */
export function serverOf(client: RedisClient): string | null {
  if (isCluster(client) || client.options.sentinels) return null
  const { path, host, port } = client.options
  return path ?? `${host}:${port}`
}

const connections = new WeakMap<RedisClient, Connection>()

export function connectionTo(client: RedisClient): Connection {
  const known = connections.get(client)
  if (known) return known
  const fresh = new Connection(client)
  connections.set(client, fresh)
  return fresh
}
