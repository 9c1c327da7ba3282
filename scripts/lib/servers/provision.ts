import { mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises'
import { delimiter, join, resolve } from 'node:path'
import { minute, run } from './command.js'
import { executable, repositoryRoot } from './machine.js'

export type Log = (line: string) => void

/** A program, with the environment that it needs. */
export interface Program {
  path: string
  env: NodeJS.ProcessEnv
  origin: 'path' | 'cache'
}

/** Where this repository keeps a program that the machine lacks. */
export function cacheFolder(name: string): string {
  return join(repositoryRoot(), 'node_modules', '.cache', 'stockhold', name)
}

/** The programs of these names on the PATH, all of the first name first. */
export function onPath(...names: readonly string[]): string[] {
  const folders = (process.env.PATH ?? '').split(delimiter).filter(Boolean)
  // The link itself, not its target: the program behaves according to the name it is called by.
  return names.flatMap((name) => folders.map((folder) => resolve(folder, name)).filter(executable))
}

/** The environment of this process, in which the dynamic linker looks into these folders first. */
export function withLibraries(folders: Iterable<string>): NodeJS.ProcessEnv {
  const inherited = process.env.LD_LIBRARY_PATH
  return { ...process.env, LD_LIBRARY_PATH: [...folders, ...(inherited ? [inherited] : [])].join(':') }
}

/** Gives `use` a new folder inside the cache, and removes the folder afterwards. */
export async function inWorkFolder<T>(cache: string, use: (work: string) => Promise<T>): Promise<T> {
  await mkdir(cache, { recursive: true })
  await removeAbandoned(cache)
  const work = await mkdtemp(join(cache, 'work-'))
  try {
    return await use(work)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/** Removes work folders of killed processes; no download takes an hour. */
async function removeAbandoned(cache: string): Promise<void> {
  for (const name of (await readdir(cache)).filter((entry) => entry.startsWith('work-'))) {
    const folder = join(cache, name)
    const info = await stat(folder).catch(() => undefined)
    if (info && Date.now() - info.mtimeMs > 60 * minute) await rm(folder, { recursive: true, force: true })
  }
}

/**
 * Installs an npm package into the work folder without running its scripts; returns the package's
 * folder.
 */
export async function installPackage(work: string, name: string, version: string): Promise<string> {
  const flags = ['--no-save', '--no-package-lock', '--ignore-scripts', '--no-audit', '--no-fund']
  // By default npm tries for over a minute where there is no network.
  const network = ['--prefer-offline', '--fetch-retries=1', '--fetch-retry-mintimeout=1000']
  await run('npm', ['install', '--prefix', work, ...flags, ...network, `${name}@${version}`], {
    cwd: work,
    timeout: 5 * minute,
    maxBuffer: 2 ** 24,
  })
  return join(work, 'node_modules', name)
}

/**
 * Moves a finished folder to where every process looks for it. If another process was first, its
 * folder stays: one copy is enough, and a folder in use is never replaced.
 */
export async function publish(finished: string, home: string): Promise<void> {
  await rename(finished, home).catch((error) => {
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
  })
}

/** An error that says what is needed, how it is installed, and what was tried and why it failed. */
export function notFound(need: string, install: readonly string[], tried: readonly string[]): Error {
  return new Error(
    [
      `${need} Install one:`,
      ...install.map((line) => `  ${line}`),
      'Tried:',
      ...tried.map((line) => `  - ${line.trim().replaceAll('\n', '\n    ')}`),
    ].join('\n'),
  )
}
