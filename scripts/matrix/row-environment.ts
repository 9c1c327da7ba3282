import { existsSync, rmSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readdir, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join, relative } from 'node:path'
import { repositoryRoot } from '../lib/servers/machine.js'
import { WHICH as WHICH_POSTGRES } from '../lib/servers/postgres/provision.js'
import { cacheFolder, installPackage, inWorkFolder, publish } from '../lib/servers/provision.js'
import { WHICH as WHICH_REDIS } from '../lib/servers/redis/provision.js'
import { FUNCTIONS } from '../lib/servers/redis/server.js'
import type { TestEnvironment } from '../repeat/run.js'
import type { Versions } from './rows.js'

/** Servers in the cache, which a copy of the repository shares. */
const servers = ['redis', 'valkey', 'postgres', 'chromium']

/**
 * Where the tests of a row run: in the repository, or in a copy that is removed when this process
 * ends.
 */
export async function rowEnvironment({
  node,
  packages,
  redis,
  functions,
  postgres,
}: Versions): Promise<TestEnvironment> {
  const program = node === undefined ? process.execPath : await nodeProgram(node)
  return {
    root: packages ? await copyWith(packages) : repositoryRoot(),
    node: program,
    env: {
      ...process.env,
      // Tests start programs by name too, such as npm.
      PATH: [dirname(program), process.env.PATH].join(delimiter),
      // Sales of one partition and of several use the same scripts.
      STOCKHOLD_TEST_PARTITIONS: 'none',
      [WHICH_REDIS]: redis ?? 'redis',
      ...(functions !== undefined && { [FUNCTIONS]: functions }),
      ...(postgres !== undefined && { [WHICH_POSTGRES]: postgres }),
    },
  }
}

/** The package `node` installs its programs from packages like this one. */
async function nodeProgram(version: string): Promise<string> {
  const name = `node-${process.platform}-${process.arch}`
  return join(await installed('node', name, version), 'bin', 'node')
}

/** A package with its dependencies in a folder of the cache, installed once. */
async function installed(shelf: string, name: string, version: string): Promise<string> {
  const cache = cacheFolder(shelf)
  const home = join(cache, version)
  if (!existsSync(home)) {
    await inWorkFolder(cache, async (work) => {
      await installPackage(work, name, version)
      await publish(work, home)
    })
  }
  return join(home, 'node_modules', name)
}

/**
 * A copy of the repository in which these packages have other versions, so that every import finds
 * them by the rules of Node, also in programs that tests build and start. It shares everything
 * else, and the servers.
 */
async function copyWith(packages: Readonly<Record<string, string>>): Promise<string> {
  const root = repositoryRoot()
  const copy = await mkdtemp(join(tmpdir(), 'stockhold-matrix-'))
  process.once('exit', () => rmSync(copy, { recursive: true, force: true }))
  const left = ['node_modules', 'dist', '.git']
  for (const name of (await readdir(root)).filter((entry) => !left.includes(entry))) {
    await cp(join(root, name), join(copy, name), { recursive: true })
  }
  const cache = join(copy, relative(root, cacheFolder('')))
  await mkdir(cache, { recursive: true })
  for (const name of servers) {
    await mkdir(cacheFolder(name), { recursive: true })
    await symlink(cacheFolder(name), join(cache, name))
  }
  const names = (await readdir(join(root, 'node_modules'))).filter((name) => name !== '.cache')
  for (const name of names) {
    const version = packages[name]
    const target =
      version === undefined ? join(root, 'node_modules', name) : await installed(name, name, version)
    await symlink(target, join(copy, 'node_modules', name))
  }
  return copy
}
