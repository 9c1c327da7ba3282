import { fork } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { minute, run } from '../servers/command.js'
import { repositoryRoot } from '../servers/machine.js'
import type { Word } from './reporter.js'
import type { Row } from './rows.js'
import { type Surroundings, surroundings } from './surroundings.js'

export interface Failure {
  readonly test: string
  readonly message: string
}

export interface Result {
  readonly row: Row
  /** As each of them tells it. */
  readonly versions: readonly string[]
  readonly passed: number
  readonly skipped: number
  readonly failures: readonly Failure[]
  readonly seconds: number
  /** All that the tests have printed. */
  readonly log: string
}

/** Called whenever a test or a file has ended. */
export type OnProgress = (state: Readonly<Counts>) => void

export interface Counts {
  files: number
  filesDone: number
  passed: number
  skipped: number
  failures: Failure[]
}

/** @param files In place of those of the row. */
export async function runRow(row: Row, files: readonly string[], onProgress: OnProgress): Promise<Result> {
  const begun = performance.now()
  const log = await logOf(row)
  const counts: Counts = { files: 0, filesDone: 0, passed: 0, skipped: 0, failures: [] }
  let versions: readonly string[] = []
  try {
    const place = await surroundings(row.versions)
    try {
      versions = await probe(row, place)
      const missing = row.promises.find(
        (promise) => !versions.some((version) => `${version}.`.startsWith(`${promise}.`)),
      )
      if (missing) throw new Error(`${missing} is wanted, and here are: ${versions.join(', ')}`)
      await runTests(files.length > 0 ? files : row.files, place, log, counts, onProgress)
    } finally {
      await place.remove()
    }
  } catch (error) {
    counts.failures.push({ test: row.name, message: (error as Error).message })
  }
  const { passed, skipped, failures } = counts
  return { row, versions, passed, skipped, failures, log, seconds: (performance.now() - begun) / 1_000 }
}

async function logOf(row: Row): Promise<string> {
  const folder = join(repositoryRoot(), 'node_modules', '.cache', 'stockhold', 'matrix')
  await mkdir(folder, { recursive: true })
  return join(folder, `${row.name.replaceAll(' ', '-')}.log`)
}

async function probe({ versions: { postgres } }: Row, { root, node, env }: Surroundings): Promise<string[]> {
  const args = ['scripts/run.mjs', 'scripts/matrix/probe.ts', ...(postgres ? ['--postgres'] : [])]
  const { stdout } = await run(node, args, { cwd: root, env, timeout: 10 * minute })
  return JSON.parse(stdout) as string[]
}

async function runTests(
  files: readonly string[],
  { root, node, env }: Surroundings,
  log: string,
  counts: Counts,
  onProgress: OnProgress,
): Promise<void> {
  const reporters = ['--reporter=default', '--reporter=./scripts/matrix/reporter.ts']
  const args = ['run', '--config', 'test/vitest.config.ts', ...reporters, ...files]
  const child = fork(join(root, 'node_modules/vitest/vitest.mjs'), args, {
    ...{ cwd: root, env, execPath: node, execArgv: [] },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  const output = createWriteStream(log)
  child.stdout!.pipe(output, { end: false })
  child.stderr!.pipe(output, { end: false })
  child.on('message', (word: Word) => {
    if (word.type === 'files') counts.files = word.count
    else if (word.type === 'file') counts.filesDone++
    else if (word.type === 'failure') counts.failures.push(word)
    else counts[word.state]++
    onProgress(counts)
  })
  const how = await new Promise<number | NodeJS.Signals | null>((settle, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => settle(code ?? signal))
  })
  output.end()
  if (counts.passed + counts.failures.length === 0)
    throw new Error(`no test has run: vitest ended with ${how}`)
  if (how !== 0 && counts.failures.length === 0) throw new Error(`vitest ended with ${how}`)
}
