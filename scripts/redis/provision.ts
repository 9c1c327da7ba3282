import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises'
import { delimiter, dirname, join, resolve } from 'node:path'
import { minute, reason, run } from '../servers/command.js'
import { executable, repositoryRoot } from '../servers/machine.js'
import { download } from './apt.js'

export interface RedisBinary {
  path: string
  env: NodeJS.ProcessEnv
  origin: 'path' | 'cache'
}

type Log = (line: string) => void

let found: Promise<RedisBinary> | undefined

/**
 * Finds a Redis 7.0+ (or Valkey 7.2+) server: on the PATH, in this repository's cache, or by unpacking the
 * distribution's package into that cache. Searched once per process, a failure included: asking the network
 * again for every server of a test run would only fail more slowly.
 */
export async function redisServerBinary(options: { log?: Log } = {}): Promise<RedisBinary> {
  found ??= search(options.log ?? (() => {}))
  return found
}

async function search(log: Log): Promise<RedisBinary> {
  const cache = join(repositoryRoot(), 'node_modules', '.cache', 'stockhold', 'redis')
  const tried: string[] = []
  const present = (await fromPath(tried)) ?? (await fromCache(cache, tried))
  if (present) return present
  try {
    return await fromPackages(cache, log)
  } catch (error) {
    tried.push(`unpacking the Debian/Ubuntu package into ${cache}: ${reason(error)}`)
    throw new Error(
      [
        'A Redis server is needed here (Redis >= 7.0 or Valkey >= 7.2) and none could be found. Install one:',
        '  Debian/Ubuntu: sudo apt-get install redis-server',
        '  macOS:         brew install redis',
        '  Windows:       use WSL, and in it the line for Debian/Ubuntu',
        'Tried:',
        ...tried.map((line) => `  - ${line.trim().replaceAll('\n', '\n    ')}`),
      ].join('\n'),
    )
  }
}

async function fromPath(tried: string[]): Promise<RedisBinary | undefined> {
  const env = { ...process.env }
  const folders = (env.PATH ?? '').split(delimiter).filter(Boolean)
  const candidates = ['redis-server', 'valkey-server'].flatMap((name) =>
    // The link itself, never its target: the name it is called by tells the program what to be.
    folders.map((folder) => resolve(folder, name)).filter(executable),
  )
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
async function fromCache(cache: string, tried: string[]): Promise<RedisBinary | undefined> {
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

async function inFolder(root: string): Promise<RedisBinary> {
  const path = join(root, 'usr', 'bin', 'redis-server')
  // The folders of the dynamic linker only, not those of plugins below them.
  const library = /^(usr\/)?lib(64)?\/([^/]+\/)?[^/]+\.so(\.|$)/
  const libraries = (await readdir(root, { recursive: true })).filter((name) => library.test(name))
  const folders = new Set(libraries.map((name) => join(root, dirname(name))))
  const inherited = process.env.LD_LIBRARY_PATH
  const env = { ...process.env, LD_LIBRARY_PATH: [...folders, ...(inherited ? [inherited] : [])].join(':') }
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

async function fromPackages(cache: string, log: Log): Promise<RedisBinary> {
  if (process.platform !== 'linux') throw new Error(`not possible on ${process.platform}`)
  await mkdir(cache, { recursive: true })
  await removeAbandoned(cache)
  const work = await mkdtemp(join(cache, 'work-'))
  try {
    log('no Redis server on the PATH: downloading the package of this distribution (once)')
    const root = join(work, 'root')
    await mkdir(root)
    const archives = await download(work)
    for (const archive of archives) await run('dpkg-deb', ['-x', archive, root], { timeout: minute })
    await inFolder(root)
    // Another process may have finished first; one copy is enough.
    const theirs = await fromCache(cache, [])
    if (theirs) return theirs
    const home = join(cache, `unpacked-${work.slice(-6)}`)
    await rename(root, home)
    log(`unpacked into ${home}`)
    return await inFolder(home)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/** Work folders whose process was killed; an hour is far beyond the time limits above. */
async function removeAbandoned(cache: string): Promise<void> {
  for (const name of (await readdir(cache)).filter((entry) => entry.startsWith('work-'))) {
    const folder = join(cache, name)
    const info = await stat(folder).catch(() => undefined)
    if (info && Date.now() - info.mtimeMs > 60 * minute) await rm(folder, { recursive: true, force: true })
  }
}
