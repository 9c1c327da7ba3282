import { existsSync } from 'node:fs'
import { mkdir, readdir, rename } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { minute, reason, run } from '../command.js'
import {
  cacheFolder,
  inWorkFolder,
  type Log,
  notFound,
  onPath,
  type Program,
  withLibraries,
} from '../provision.js'
import { download } from './apt.js'

type RedisKind = 'redis' | 'valkey'

/** In search order, each with the oldest version that the library supports. */
const least: Readonly<Record<RedisKind, number>> = { redis: 7.0, valkey: 8.0 }
const kinds = Object.keys(least) as RedisKind[]

/** Names the server to look for; without it either will do. */
export const WHICH = 'STOCKHOLD_TEST_REDIS'

let found: Promise<Program> | undefined

/**
 * Finds a server, Redis 7.0+ or Valkey 8.0+, or the one of them that `STOCKHOLD_TEST_REDIS` names:
 * on the PATH, in this repository's cache, or by unpacking the distribution's package into that
 * cache. Searched once per process, a failure included: asking the network again for every server
 * of a test run would only fail more slowly.
 */
export async function redisServerBinary(options: { log?: Log } = {}): Promise<Program> {
  found ??= search(options.log ?? (() => {}))
  return found
}

async function search(log: Log): Promise<Program> {
  const wanted = wantedKinds()
  const kind = wanted[0]!
  const cache = cacheFolder(kind)
  const tried: string[] = []
  const present = (await fromPath(wanted, tried)) ?? (await fromCache(cache, kind, tried))
  if (present) return present
  try {
    return await fromPackages(cache, kind, log)
  } catch (error) {
    tried.push(`unpacking the Debian/Ubuntu package into ${cache}: ${reason(error)}`)
    throw notFound(
      `A server is needed here (${leastOf(wanted)}) and none could be found.`,
      [
        `Debian/Ubuntu: sudo apt-get install ${kind}-server`,
        `macOS:         brew install ${kind}`,
        'Windows:       use WSL, and in it the line for Debian/Ubuntu',
      ],
      tried,
    )
  }
}

function wantedKinds(): readonly RedisKind[] {
  const text = process.env[WHICH]
  if (text === undefined || text === '') return kinds
  const kind = kinds.find((each) => each === text)
  if (!kind) throw new Error(`${WHICH} must be ${kinds.join(' or ')}, not ${JSON.stringify(text)}.`)
  return [kind]
}

/** Such as `Redis >= 7.0 or Valkey >= 8.0`. */
function leastOf(wanted: readonly RedisKind[]): string {
  const name = { redis: 'Redis', valkey: 'Valkey' }
  return wanted.map((kind) => `${name[kind]} >= ${least[kind].toFixed(1)}`).join(' or ')
}

async function fromPath(wanted: readonly RedisKind[], tried: string[]): Promise<Program | undefined> {
  const env = { ...process.env }
  const names = wanted.map((kind) => `${kind}-server`)
  const candidates = onPath(...names)
  if (candidates.length === 0) tried.push(`the PATH: it holds no ${names.join(' and no ')}`)
  for (const path of candidates) {
    try {
      await assertUsable(path, env, wanted)
      return { path, env, origin: 'path' }
    } catch (error) {
      tried.push(`${path}: ${reason(error)}`)
    }
  }
  return undefined
}

/**
 * Every finished download is a new folder `unpacked-*`. One that no longer works, such as after an
 * upgrade of the system, is skipped, so that no process replaces a folder that another one is
 * using.
 */
async function fromCache(cache: string, kind: RedisKind, tried: string[]): Promise<Program | undefined> {
  const names = existsSync(cache) ? await readdir(cache) : []
  const unpacked = names.filter((name) => name.startsWith('unpacked-'))
  if (unpacked.length === 0) tried.push(`the cache ${cache}: empty`)
  for (const name of unpacked) {
    try {
      return await inFolder(join(cache, name), kind)
    } catch (error) {
      tried.push(`${join(cache, name)}: ${reason(error)}`)
    }
  }
  return undefined
}

async function inFolder(root: string, kind: RedisKind): Promise<Program> {
  const path = join(root, 'usr', 'bin', `${kind}-server`)
  // The folders of the dynamic linker only, not those of plugins below them.
  const library = /^(usr\/)?lib(64)?\/([^/]+\/)?[^/]+\.so(\.|$)/
  const libraries = (await readdir(root, { recursive: true })).filter((name) => library.test(name))
  const env = withLibraries(new Set(libraries.map((name) => join(root, dirname(name)))))
  await assertUsable(path, env, [kind])
  return { path, env, origin: 'cache' }
}

/**
 * The version that the program prints decides, since some distributions name Valkey `redis-server`
 * too.
 */
async function assertUsable(
  path: string,
  env: NodeJS.ProcessEnv,
  wanted: readonly RedisKind[],
): Promise<void> {
  const { stdout } = await run(path, ['--version'], { env, timeout: minute / 4 })
  const [, name, version] = /^(redis|valkey) server v=(\d+\.\d+)/i.exec(stdout) ?? []
  const kind = wanted.find((each) => each === name?.toLowerCase())
  if (!kind) throw new Error(`not recognised as ${wanted.join(' or ')}: ${stdout.trim()}`)
  if (Number(version) < least[kind]) throw new Error(`older than ${leastOf([kind])}: ${stdout.trim()}`)
}

async function fromPackages(cache: string, kind: RedisKind, log: Log): Promise<Program> {
  if (process.platform !== 'linux') throw new Error(`not possible on ${process.platform}`)
  return inWorkFolder(cache, async (work) => {
    log(`no ${kind}-server on the PATH: downloading the package of this distribution (once)`)
    const root = join(work, 'root')
    await mkdir(root)
    const archives = await download(work, kind)
    for (const archive of archives) await run('dpkg-deb', ['-x', archive, root], { timeout: minute })
    await inFolder(root, kind)
    // If another process has finished first, its copy is enough.
    const theirs = await fromCache(cache, kind, [])
    if (theirs) return theirs
    const home = join(cache, basename(work).replace('work-', 'unpacked-'))
    await rename(root, home)
    log(`unpacked into ${home}`)
    return await inFolder(home, kind)
  })
}
