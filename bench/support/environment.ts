import { execFile } from 'node:child_process'
import { arch, availableParallelism, cpus, release, totalmem, type } from 'node:os'
import { promisify } from 'node:util'
import type { Redis } from 'ioredis'
import { redact } from '../../scripts/lib/redact.js'
import { repositoryRoot } from '../../scripts/lib/servers/machine.js'
import { withRedis } from '../../scripts/lib/servers/redis/client.js'
import { serverVersion } from '../../scripts/lib/servers/redis/info.js'
import { redisServerBinary } from '../../scripts/lib/servers/redis/provision.js'
import { startRedis } from '../../scripts/lib/servers/redis/server.js'
import type { Environment, RedisEnvironment } from '../report/report.js'
import type { RunOptions } from './options.js'

/** The settings that decide how fast a server is, and how durable its data are. */
const DIRECTIVES = ['maxmemory', 'maxmemory-policy', 'appendonly', 'appendfsync', 'save', 'io-threads']

export async function environmentOf(options: RunOptions): Promise<Environment> {
  return {
    cpu: { model: cpus()[0]?.model.trim() || 'not known', count: availableParallelism() },
    memoryBytes: totalmem(),
    os: `${type()} ${release()} ${arch()}`,
    node: process.version,
    redis: await redisEnvironment(options.redis),
    git: await gitState(),
    seed: options.seed,
    options: {
      quick: options.quick,
      realTime: options.realTime,
      parts: options.parts.map(({ name }) => name),
    },
  }
}

async function redisEnvironment(foreign: string | undefined): Promise<RedisEnvironment> {
  if (foreign !== undefined) return { ...(await withRedis(foreign, describe)), url: redact(foreign) }
  // A server like those that the parts will get.
  await redisServerBinary({ log: console.log })
  const server = await startRedis()
  try {
    return { ...(await withRedis(server.url, describe)), url: null }
  } finally {
    await server.stop()
  }
}

async function describe(client: Redis): Promise<Pick<RedisEnvironment, 'version' | 'config'>> {
  return {
    version: serverVersion(await client.info('server')),
    config: await configuration(client),
  }
}

async function configuration(client: Redis): Promise<Record<string, string>> {
  try {
    const known = await Promise.all(DIRECTIVES.map((name) => client.config('GET', name)))
    const pairs = (known as string[][]).filter((pair) => pair.length === 2)
    return Object.fromEntries(pairs.map(([name, value]) => [name!, value!]))
  } catch {
    // A hosted server may not disclose its settings.
    return {}
  }
}

async function gitState(): Promise<Environment['git']> {
  const git = async (...args: string[]) => {
    const { stdout } = await promisify(execFile)('git', [
      '--no-optional-locks',
      '-C',
      repositoryRoot(),
      ...args,
    ])
    return stdout.trim()
  }
  try {
    return { commit: await git('rev-parse', 'HEAD'), dirty: (await git('status', '--porcelain')) !== '' }
  } catch {
    return null
  }
}
