import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { BUNDLES, bundlesFolder } from '../../scripts/bundle.mjs'
import { TEMPLATES } from '../../scripts/lib/servers/postgres/server.js'
import { redisServerBinary } from '../../scripts/lib/servers/redis/provision.js'

/**
 * Once before all files: brings a real Redis, or ends the run with what to install. The programs
 * that tests start are bundled once for all of them, and `initdb` makes the data folder of
 * PostgreSQL once. Returns what removes these.
 */
export default async function setup(): Promise<undefined | (() => Promise<void>)> {
  await redisServerBinary({ log: console.log })
  // Each project of the run comes here.
  if (process.env[BUNDLES] !== undefined) return
  await mkdir(dirname(bundlesFolder), { recursive: true })
  // As deep as bundlesFolder: a program may find the repository from where it lies.
  const folder = await mkdtemp(`${bundlesFolder}-`)
  process.env[BUNDLES] = folder
  process.env[TEMPLATES] = folder
  return () => rm(folder, { recursive: true, force: true })
}
