import { type Cluster, Redis } from 'ioredis'
import { invalid, StockholdError } from '../../errors.js'
import { replyCode } from './failure.js'
import type { Script } from './script.js'

/** An ioredis client, of any version in the peer range. */
export type Client = Redis | Cluster

/** The client for a URL: it never resends by itself, since a request knows better when it is too late. */
export function connect(url: string): Redis {
  if (!/^rediss?:\/\//.test(url) || !URL.canParse(url))
    throw invalid('client', 'must be an ioredis client or a redis:// or rediss:// URL')
  const client = new Redis(url, {
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    connectTimeout: 2_000,
  })
  // Without a listener ioredis prints every failed attempt; who calls hears of it from the call.
  client.on('error', () => {})
  return client
}

export function isClient(value: unknown): value is Client {
  const client = value as (Partial<Client> & Partial<Evaluator>) | null
  return typeof client?.evalshaBuffer === 'function' && typeof client.status === 'string'
}

const losses = new WeakMap<Client, { count: number }>()

/** How often the client's connection was lost since this was first asked. */
export function connectionsLost(client: Client): number {
  const known = losses.get(client)
  if (known) return known.count
  const fresh = { count: 0 }
  losses.set(client, fresh)
  client.on('close', () => fresh.count++)
  return 0
}

const waits = new WeakMap<Client, Promise<void>>()

/** Resolves once the client can write; `undefined` if it can now. */
export function ready(client: Client): Promise<void> | undefined {
  if (client.status === 'ready') return undefined
  const known = waits.get(client)
  if (known) return known
  // One wait, and one pair of listeners, for all who wait for this client.
  const wait = connected(client).finally(() => waits.delete(client))
  waits.set(client, wait)
  return wait
}

function connected(client: Client): Promise<void> {
  return new Promise((resolve, reject) => {
    const ended = () => {
      client.off('ready', usable)
      reject(new StockholdError('UNAVAILABLE', 'The Redis client has ended. Nothing was sent.'))
    }
    const usable = () => {
      client.off('end', ended)
      resolve()
    }
    if (client.status === 'end') return ended()
    client.once('ready', usable)
    client.once('end', ended)
    if (client.status === 'wait') client.connect().catch(() => {})
  })
}

/** ioredis has a buffer variant of every command; its types leave out those of EVAL. */
interface Evaluator {
  evalBuffer(text: string, keyCount: number, ...rest: (string | Buffer)[]): Promise<unknown>
  evalshaBuffer(sha: string, keyCount: number, ...rest: (string | Buffer)[]): Promise<unknown>
}

const firstRuns = new WeakMap<Client, Map<string, Promise<unknown>>>()

/** How many replicas must have a write before it is acknowledged, and how long to wait for them in ms. */
export interface Replication {
  readonly replicas: number
  readonly timeoutMs: number
}

/**
 * Runs a script, and answers once so many replicas have what it wrote. WAIT speaks of the writes of its own connection only, so it
 * goes out right behind the script, and its word counts only if the connection is still the same.
 * https://redis.io/docs/latest/commands/wait/
 *
 * @throws {StockholdError} `UNKNOWN_OUTCOME`: it was written, but not enough replicas have said so in time.
 */
export async function runReplicated(
  client: Client,
  script: Script,
  keys: string[],
  argument: Buffer,
  { replicas, timeoutMs }: Replication,
): Promise<unknown[]> {
  const connection = () => (client as Redis).stream
  for (;;) {
    const before = connection()
    const evaluator = client as unknown as Evaluator
    const [ran, waited] = await Promise.allSettled([
      evaluator.evalshaBuffer(script.sha, keys.length, ...keys, argument) as Promise<unknown[]>,
      (client as Redis).wait(replicas, timeoutMs),
    ])
    if (ran.status === 'rejected') {
      if (!isUnknownScript(ran.reason)) throw ran.reason
      // The text only, without running anything: the script and its WAIT then go out together as ever.
      await (client as Redis).script('LOAD', script.text)
      continue
    }
    const reached = waited.status === 'fulfilled' && connection() === before ? waited.value : 0
    if (reached >= replicas) return ran.value
    throw new StockholdError(
      'UNKNOWN_OUTCOME',
      `It was written, but only ${reached} of ${replicas} replicas have it after ${timeoutMs} ms. Send the same key, or the same id, again.`,
    )
  }
}

/**
 * Runs a script by its SHA; the text travels only to a server that has not seen it, and once: of many calls that find it
 * unknown, the first sends it and the others wait for that. Strings come back as buffers.
 */
export async function run(
  client: Client,
  script: Script,
  keys: string[],
  argument: Buffer,
): Promise<unknown[]> {
  const evaluator = client as unknown as Evaluator
  const bySha = async () =>
    (await evaluator.evalshaBuffer(script.sha, keys.length, ...keys, argument)) as unknown[]
  const byText = async () =>
    (await evaluator.evalBuffer(script.text, keys.length, ...keys, argument)) as unknown[]
  try {
    return await bySha()
  } catch (error) {
    if (!isUnknownScript(error)) throw error
  }
  const running = firstRuns.get(client) ?? new Map<string, Promise<unknown>>()
  firstRuns.set(client, running)
  const first = running.get(script.sha)
  if (!first) {
    const mine = byText().finally(() => running.delete(script.sha))
    running.set(script.sha, mine)
    return mine
  }
  await first.catch(() => {})
  // A SCRIPT FLUSH in between: then the text once more.
  return bySha().catch((error) => {
    if (!isUnknownScript(error)) throw error
    return byText()
  })
}

function isUnknownScript(error: unknown): boolean {
  return replyCode(error) === 'NOSCRIPT'
}

export function isCluster(client: Client): client is Cluster {
  return client.isCluster
}
