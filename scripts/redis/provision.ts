import { existsSync } from 'node:fs'
import { mkdir, readdir, rename } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { minute, reason, run } from '../servers/command.js'
import {
  cacheFolder,
  inWorkFolder,
  type Log,
  notFound,
  onPath,
  type Program,
  withLibraries,
} from '../servers/provision.js'
import { download } from './apt.js'

let found: Promise<Program> | undefined

/**
 * Finds a Redis 7.0+ (or Valkey 7.2+) server: on the PATH, in this repository's cache, or by unpacking the
 * distribution's package into that cache. Searched once per process, a failure included: asking the network
 * again for every server of a test run would only fail more slowly.
 */
export async function redisServerBinary(options: { log?: Log } = {}): Promise<Program> {
  found ??= search(options.log ?? (() => {}))
  return found
}

async function search(log: Log): Promise<Program> {
  const cache = cacheFolder('redis')
  const tried: string[] = []
  const present = (await fromPath(tried)) ?? (await fromCache(cache, tried))
  if (present) return present
  try {
    return await fromPackages(cache, log)
  } catch (error) {
    tried.push(`unpacking the Debian/Ubuntu package into ${cache}: ${reason(error)}`)
    throw notFound(
      'A Redis server is needed here (Redis >= 7.0 or Valkey >= 7.2) and none could be found.',
      [
        'Debian/Ubuntu: sudo apt-get install redis-server',
        'macOS:         brew install redis',
        'Windows:       use WSL, and in it the line for Debian/Ubuntu',
      ],
      tried,
    )
  }
}

async function fromPath(tried: string[]): Promise<Program | undefined> {
  const env = { ...process.env }
  const candidates = onPath('redis-server', 'valkey-server')
  if (candidates.length === 0) tried.push('the PATH: it holds no redis-server and no valkey-server')
  for (const path of candidates) {
    try {
      await assertUsable(path, env)
      return { path, env, origin: 'path' }
    } catch (error) {
      tried.push(`${path}: ${reason(error)}`)
    }
  }
  return undefined
}

/**
 * Every finished download is a folder `unpacked-*` of its own, so one that does not work here (any more), say
 * after an upgrade of the system, is passed over and nobody ever replaces a folder another process is using.
 */
async function fromCache(cache: string, tried: string[]): Promise<Program | undefined> {
  const names = existsSync(cache) ? await readdir(cache) : []
  const unpacked = names.filter((name) => name.startsWith('unpacked-'))
  if (unpacked.length === 0) tried.push(`the cache ${cache}: empty`)
  for (const name of unpacked) {
    try {
      return await inFolder(join(cache, name))
    } catch (error) {
      tried.push(`${join(cache, name)}: ${reason(error)}`)
    }
  }
  return undefined
}

async function inFolder(root: string): Promise<Program> {
  const path = join(root, 'usr', 'bin', 'redis-server')
  // The folders of the dynamic linker only, not those of plugins below them.
  const library = /^(usr\/)?lib(64)?\/([^/]+\/)?[^/]+\.so(\.|$)/
  const libraries = (await readdir(root, { recursive: true })).filter((name) => library.test(name))
  const env = withLibraries(new Set(libraries.map((name) => join(root, dirname(name)))))
  await assertUsable(path, env)
  return { path, env, origin: 'cache' }
}

async function assertUsable(path: string, env: NodeJS.ProcessEnv): Promise<void> {
  const { stdout } = await run(path, ['--version'], { env, timeout: minute / 4 })
  const version = /v=(\d+)\.(\d+)/.exec(stdout)
  const [least, name] = /valkey/i.test(stdout) ? [702, 'Valkey 7.2'] : [700, 'Redis 7.0']
  if (!version || Number(version[1]) * 100 + Number(version[2]) < least) {
    throw new Error(`older than ${name}, or not recognised: ${stdout.trim()}`)
  }
}

async function fromPackages(cache: string, log: Log): Promise<Program> {
  if (process.platform !== 'linux') throw new Error(`not possible on ${process.platform}`)
  return inWorkFolder(cache, async (work) => {
    log('no Redis server on the PATH: downloading the package of this distribution (once)')
    const root = join(work, 'root')
    await mkdir(root)
    const archives = await download(work)
    for (const archive of archives) await run('dpkg-deb', ['-x', archive, root], { timeout: minute })
    await inFolder(root)
    // Another process may have finished first; one copy is enough.
    const theirs = await fromCache(cache, [])
    if (theirs) return theirs
    const home = join(cache, basename(work).replace('work-', 'unpacked-'))
    await rename(root, home)
    log(`unpacked into ${home}`)
    return await inFolder(home)
  })
}
