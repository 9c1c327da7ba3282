import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readdir, rename, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, delimiter, dirname, join } from 'node:path'
import { WHICH as WHICH_POSTGRES } from '../postgres/provision.js'
import { WHICH as WHICH_REDIS } from '../redis/provision.js'
import { repositoryRoot } from '../servers/machine.js'
import { npmInstall } from '../servers/npm.js'
import type { Versions } from './rows.js'

/** Where the tests of a row run, and on what. */
export interface Surroundings {
  /** The repository, or a copy of it. */
  readonly root: string
  /** The program of Node. */
  readonly node: string
  readonly env: NodeJS.ProcessEnv
  remove(): Promise<void>
}

const CACHE = 'node_modules/.cache/stockhold'
const servers = ['redis', 'valkey', 'postgres']

export async function surroundings({ node, packages, redis, postgres }: Versions): Promise<Surroundings> {
  const program = node === undefined ? process.execPath : await nodeProgram(node)
  const copy = packages && (await copyWith(packages))
  return {
    root: copy ?? repositoryRoot(),
    node: program,
    env: {
      ...process.env,
      // Tests start programs by name too: npm, for one.
      PATH: [dirname(program), process.env.PATH].join(delimiter),
      // The same scripts carry out a sale of one partition and of several.
      STOCKHOLD_TEST_PARTITIONS: 'none',
      [WHICH_REDIS]: redis ?? 'redis',
      ...(postgres !== undefined && { [WHICH_POSTGRES]: postgres }),
    },
    async remove() {
      if (copy) await rm(copy, { recursive: true, force: true })
    },
  }
}

/** The package `node` takes its programs from packages like this one, by a script of its own. */
async function nodeProgram(version: string): Promise<string> {
  const name = `node-${process.platform}-${process.arch}`
  return join(await installed('node', name, version), 'bin', 'node')
}

/** A package in a folder of its own below the cache, with everything it needs; installed once. */
async function installed(shelf: string, name: string, version: string): Promise<string> {
  const cache = join(repositoryRoot(), CACHE, shelf)
  const home = join(cache, version)
  if (!existsSync(home)) {
    await mkdir(cache, { recursive: true })
    const work = await mkdtemp(join(cache, 'work-'))
    try {
      await npmInstall(work, `${name}@${version}`)
      await rename(work, home).catch((error) => {
        // Another process finished first; one copy is enough.
        if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
      })
    } finally {
      await rm(work, { recursive: true, force: true })
    }
  }
  return join(home, 'node_modules', name)
}

/**
 * A copy of the repository in which these packages have other versions: so every import finds them by Node's own rules, those of
 * the programs that tests build and start as well. It shares everything else, and the servers.
 */
async function copyWith(packages: Readonly<Record<string, string>>): Promise<string> {
  const root = repositoryRoot()
  const copy = await mkdtemp(join(tmpdir(), 'stockhold-matrix-'))
  const left = ['node_modules', 'dist', '.git']
  for (const name of (await readdir(root)).filter((entry) => !left.includes(entry))) {
    await cp(join(root, name), join(copy, name), { recursive: true })
  }
  await mkdir(join(copy, CACHE), { recursive: true })
  for (const name of servers) {
    await mkdir(join(root, CACHE, name), { recursive: true })
    await symlink(join(root, CACHE, name), join(copy, CACHE, name))
  }
  const names = (await readdir(join(root, 'node_modules'))).filter((name) => name !== '.cache')
  for (const name of names) {
    const version = packages[name]
    const target =
      version === undefined ? join(root, 'node_modules', name) : await installed(name, name, version)
    await symlink(target, join(copy, 'node_modules', basename(name)))
  }
  return copy
}
