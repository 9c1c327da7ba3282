import { readFile } from 'node:fs/promises'
import { Cluster, Redis } from 'ioredis'
import type { RedisClient } from '../redis-engine/connection.js'
import { BadUsage, type Given } from './command.js'

/** The server cannot be reached, or cannot be verified. */
export class NotUsable extends Error {}

const PATIENCE_MS = 5_000

/** Where a server is. */
export interface Place {
  readonly urls: readonly string[]
  /** The URLs are of Sentinels; the name of the master. */
  readonly sentinel?: string | undefined
  readonly cluster?: boolean | undefined
  /** The certificate of an authority, PEM. */
  readonly ca?: string | undefined
  readonly env: NodeJS.ProcessEnv
}

/** Host, port and database of a URL, never the password. */
export function addressOf(url: string): string {
  const { protocol, host, pathname } = new URL(url)
  return `${protocol}//${host}${pathname === '/' ? '' : pathname}`
}

/** The server that the options name. @throws {BadUsage} */
export async function placeOf(given: Given, env: NodeJS.ProcessEnv): Promise<Place> {
  const urls =
    given.all('redis').length > 0 ? given.all('redis') : (env.REDIS_URL ?? '').split(/,(?=rediss?:)/)
  if (urls[0] === '' && urls.length === 1)
    throw new BadUsage('which Redis? --redis redis://127.0.0.1:6379, or REDIS_URL in the environment')
  if (!urls.every((url) => /^rediss?:\/\/./.test(url) && URL.canParse(url)))
    throw new BadUsage('--redis must be a redis:// or rediss:// URL')
  const [sentinel, cluster] = [given.text('sentinel'), given.flag('cluster')]
  if (sentinel !== undefined && cluster) throw new BadUsage('--sentinel and --cluster exclude each other')
  if (urls.length > 1 && sentinel === undefined && !cluster)
    throw new BadUsage('more than one --redis is for --sentinel or --cluster')
  const file = given.text('ca')
  const ca = file === undefined ? undefined : await readFile(file, 'utf8').catch(() => undefined)
  if (file !== undefined && ca === undefined) throw new BadUsage('--ca must be a file that can be read')
  return { urls, sentinel, cluster, ca, env }
}

export function checkPrefix(prefix: string): string {
  if (prefix === '' || prefix.length > 64 || !prefix.isWellFormed())
    throw new BadUsage('--prefix must be a well-formed string of 1 to 64 characters')
  return prefix
}

/**
 * Returns a client that has received an answer from the server.
 *
 * @throws {NotUsable} with the reason, and what to do.
 */
export async function reach(place: Place): Promise<RedisClient> {
  const address = place.urls.map(addressOf).join(', ')
  const client = clientFor(place)
  // A failed command only says that there is no connection. The client reports the reason to its
  // listeners.
  let why: Error | undefined
  const note = (error: Error) => {
    why = error
  }
  client.on('error', note)
  if (place.cluster) client.on('node error', note)
  let timer: NodeJS.Timeout | undefined
  const silence = new Promise<never>((_, reject) => {
    const seconds = PATIENCE_MS / 1_000
    timer = setTimeout(() => reject(why ?? new Error(`no answer within ${seconds} s`)), PATIENCE_MS)
  })
  try {
    const info = await Promise.race([client.info('server'), silence])
    const isNode = /^(redis|server)_mode:cluster/m.test(info)
    if (isNode && !place.cluster)
      throw new NotUsable(`${address} is a node of a Redis Cluster: say --cluster`)
    return client
  } catch (error) {
    client.disconnect()
    if (error instanceof NotUsable) throw error
    throw new NotUsable(advice(place, address, why ?? (error as Error)))
  } finally {
    clearTimeout(timer)
  }
}

/** No client resends by itself: only the engine knows when it is too late. */
function clientFor({ urls, sentinel, cluster, ca, env }: Place): RedisClient {
  const [first] = urls.map((url) => new URL(url))
  const nodes = urls.map((url) => nodeOf(new URL(url)))
  const tls = first!.protocol === 'rediss:' ? { tls: ca === undefined ? {} : { ca } } : {}
  const common = {
    ...{ autoResendUnfulfilledCommands: false, maxRetriesPerRequest: 0, connectTimeout: 2_000 },
    // A server that stands still does not answer the end of a connection either.
    disconnectTimeout: 500,
    ...credentials(first!),
    ...tls,
  }
  if (cluster)
    return new Cluster(nodes, {
      redisOptions: common,
      slotsRefreshTimeout: 2_000,
      clusterRetryStrategy: (attempt) => Math.min(100 * attempt, 1_000),
      // A certificate names the host, not the address that it has.
      ...(tls.tls && { dnsLookup: (host, callback) => callback(null, host) }),
    })
  const db = Number(first!.pathname.slice(1) || 0)
  if (sentinel === undefined) return new Redis({ ...common, ...nodes[0]!, db })
  const { REDIS_SENTINEL_USERNAME: user, REDIS_SENTINEL_PASSWORD: password } = env
  return new Redis({
    ...common,
    ...{ sentinels: nodes, name: sentinel, db },
    ...(user !== undefined && { sentinelUsername: user }),
    ...(password !== undefined && { sentinelPassword: password }),
    ...(tls.tls && { enableTLSForSentinelMode: true, sentinelTLS: tls.tls }),
  })
}

function nodeOf({ hostname, port }: URL): { host: string; port: number } {
  // An IPv6 address stands in brackets in a URL only.
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 6379) }
}

function credentials({ username, password }: URL) {
  return {
    ...(username !== '' && { username: decodeURIComponent(username) }),
    ...(password !== '' && { password: decodeURIComponent(password) }),
  }
}

function advice({ sentinel }: Place, address: string, { message }: Error): string {
  if (/^(NOAUTH|WRONGPASS)|invalid password|invalid username/.test(message))
    return `${address} refuses the login. Give the user and the password in the URL: redis://user:password@host:port`
  if (/^NOPERM/.test(message))
    return `${address}: the user needs INFO, EVAL, EVALSHA, and all keys below the prefix; UNLINK to clean up`
  const reason = message.replace(/\/\/[^@/\s]*@/g, '//').slice(0, 200)
  const named = sentinel === undefined ? '' : ` Do the Sentinels know the master ${JSON.stringify(sentinel)}?`
  return `${address} cannot be reached: ${reason}. Is it up, and is the URL right?${named}`
}
