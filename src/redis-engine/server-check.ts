import type { Redis } from 'ioredis'
import { mayEvict } from '../engine/servers.js'
import { restate, StockholdError, unavailable } from '../errors.js'
import { type Info, infoFields, infoNumber } from './info.js'
import type { Replication } from './replication.js'

/** What an acknowledged answer must survive; see `RedisEngineOptions.durability`. */
export type Durability = 'memory' | 'aof' | Replication

/**
 * Refuses a server that would lose stock, cannot run the scripts, or keeps less than the required
 * durability. Asks by INFO: many hosters block CONFIG, so it is read only for values that INFO does
 * not have.
 *
 * @param name Which of several servers it is, for the message.
 * @param wasSafe There was a server with enough replicas before: after a failover they come back by
 *   themselves.
 * @throws {StockholdError} `UNSAFE_CONFIG`; `UNAVAILABLE` while replicas are connecting.
 */
export async function verifyServer(
  server: Redis,
  durability: Durability,
  { name, wasSafe = false }: { name?: string; wasSafe?: boolean } = {},
): Promise<void> {
  const info = infoFields(await server.info())
  try {
    checkVersion(info)
    checkEviction(info)
    if (durability === 'aof') await checkAppendOnly(info, (setting) => server.config('GET', setting))
    else if (durability !== 'memory') {
      // Returns at once: it checks whether the user may run WAIT.
      await server.wait(0, 1)
      checkReplicas(info, durability.replicas, wasSafe)
    }
  } catch (error) {
    if (name === undefined || !(error instanceof StockholdError)) throw error
    throw restate(error, { message: `${name}: ${error.message}` })
  }
}

function checkVersion(info: Info): void {
  const version = /^(\d+)\.(\d+)/.exec(info.get('valkey_version') ?? info.get('redis_version') ?? '')
  if (version && Number(version[1]) < 7) {
    throw unsafe(`Redis ${version[1]}.${version[2]} is too old: 7.0 or later is needed`)
  }
}

function checkEviction(info: Info): void {
  const policy = info.get('maxmemory_policy') ?? null
  if (mayEvict(policy)) {
    throw unsafe(
      `maxmemory-policy is ${policy}, which deletes stock when memory runs out: set it to noeviction`,
    )
  }
}

async function checkAppendOnly(info: Info, read: (name: string) => Promise<unknown>): Promise<void> {
  if (info.get('aof_enabled') !== '1')
    throw unsafe("durability 'aof' needs an append-only file: set appendonly to yes")
  for (const [name, wanted] of [
    ['appendfsync', 'always'],
    ['no-appendfsync-on-rewrite', 'no'],
  ] as const) {
    const answer = await read(name).catch(() => undefined)
    if (!Array.isArray(answer))
      throw unsafe(`durability 'aof' cannot be verified: ${name} cannot be read, allow CONFIG GET`)
    if (answer[1] !== wanted)
      throw unsafe(`durability 'aof' needs every write on disk: ${name} is ${answer[1]}, set it to ${wanted}`)
  }
}

function checkReplicas(info: Info, wanted: number, wasSafe: boolean): void {
  const connected = infoNumber(info, 'connected_slaves') ?? 0
  if (connected >= wanted) return
  const lack = `durability asks for ${wanted} replicas, ${connected} are connected: attach replicas, or ask for fewer`
  if (!wasSafe) throw unsafe(lack)
  throw unavailable(`${lack}. Nothing was sent.`, new Error('Too few replicas are connected.'))
}

function unsafe(message: string): StockholdError {
  return new StockholdError('UNSAFE_CONFIG', message)
}
