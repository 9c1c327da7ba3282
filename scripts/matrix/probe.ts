import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { Redis } from 'ioredis'
import pg from 'pg'
import { startPostgres } from '../lib/servers/postgres/server.js'
import { serverVersion } from '../lib/servers/redis/info.js'
import { startRedis } from '../lib/servers/redis/server.js'

/**
 * Prints the versions of a row of the matrix as a line of JSON, each as the running program,
 * package or server tells it. `--postgres`: includes the database.
 */
const versions = [
  `Node ${process.version.slice(1)}`,
  `ioredis ${versionOf('ioredis')}`,
  await redisVersion(),
  ...(process.argv.includes('--postgres') ? [`pg ${versionOf('pg')}`, await postgresVersion()] : []),
  `fast-check ${versionOf('fast-check')}`,
  `TypeScript ${versionOf('typescript')}`,
]
console.log(JSON.stringify(versions))

/** The version of the package that an import would find. */
function versionOf(name: string): string {
  const { resolve } = createRequire(import.meta.url)
  const manifest = resolve(`${name}/package.json`)
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version
}

async function redisVersion(): Promise<string> {
  const server = await startRedis()
  const client = new Redis(server.url)
  try {
    return serverVersion(await client.info('server'))
  } finally {
    client.disconnect()
    await server.stop()
  }
}

async function postgresVersion(): Promise<string> {
  const server = await startPostgres()
  const client = new pg.Client({ connectionString: server.url })
  try {
    await client.connect()
    const { rows } = await client.query<{ server_version: string }>('SHOW server_version')
    return `PostgreSQL ${rows[0]!.server_version.split(' ')[0]}`
  } finally {
    await client.end()
    await server.stop()
  }
}
