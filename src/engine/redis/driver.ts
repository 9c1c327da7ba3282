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
  // Another node of a cluster, or a SCRIPT FLUSH in between: then the text once more.
  return bySha().catch((error) => {
    if (!isUnknownScript(error)) throw error
    return byText()
  })
}

function isUnknownScript(error: unknown): boolean {
  return replyCode(error) === 'NOSCRIPT'
}

/** Refuses a server that would lose stock or cannot run the scripts. Asks by INFO: CONFIG is closed at many hosters. */
export async function verifyServer(client: Client): Promise<void> {
  const nodes = isCluster(client) ? client.nodes('master') : [client]
  for (const info of await Promise.all(nodes.map((node) => node.info()))) {
    const version = /^(?:valkey_version|redis_version):(\d+)\.(\d+)/m.exec(info)
    if (version && Number(version[1]) < 7) {
      throw new StockholdError(
        'UNSAFE_CONFIG',
        `Redis ${version[1]}.${version[2]} is too old: 7.0 or later is needed`,
      )
    }
    const policy = /^maxmemory_policy:(\S+)/m.exec(info)?.[1]
    if (policy !== undefined && policy !== 'noeviction') {
      throw new StockholdError(
        'UNSAFE_CONFIG',
        `maxmemory-policy is ${policy}, which deletes stock when memory runs out: set it to noeviction`,
      )
    }
  }
}

function isCluster(client: Client): client is Cluster {
  return client.isCluster
}
