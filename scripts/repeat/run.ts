import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { endWithThisProcess, killGroup } from '../lib/servers/lifeline.js'
import { repositoryRoot } from '../lib/servers/machine.js'
import type { Message } from './messages.js'
import { type Outcome, outcomeOf } from './outcome.js'

/** Characters of the output that are kept, for a run without a report. */
const LAST_WORDS = 2_000
/** How long an interrupted run may take to stop its servers. ms */
const STOP_LIMIT = 20_000

/** Called with the number of files that are done. */
type OnProgress = (done: number, total: number) => void

export interface TestRun {
  readonly outcome: Promise<Outcome>
  stop(): void
}

/** The repository with the tests, and the Node that runs them. */
export interface TestEnvironment {
  readonly root: string
  readonly node: string
  readonly env: NodeJS.ProcessEnv
}

const here = (): TestEnvironment => ({ root: repositoryRoot(), node: process.execPath, env: process.env })

/** Runs the tests once, in a process that ends with this one. */
export function startTests(
  files: readonly string[],
  onProgress: OnProgress,
  { root, node, env }: TestEnvironment = here(),
): TestRun {
  const folder = mkdtempSync(join(tmpdir(), 'stockhold-repeat-'))
  const reportFile = join(folder, 'report.json')
  const child = spawn(
    node,
    [
      ...[join(root, 'node_modules/vitest/vitest.mjs'), 'run', '--config', 'test/vitest.config.ts'],
      ...['--reporter=json', `--outputFile.json=${reportFile}`, '--reporter=scripts/repeat/reporter.ts'],
      ...files,
    ],
    // Detached, since this process handles Ctrl-C.
    { cwd: root, env, detached: true, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] },
  )
  endWithThisProcess(child, folder)
  const outcome = outcomeIn(child, root, reportFile, onProgress)
  return {
    outcome: outcome.finally(() => {
      // A run that broke off leaves workers, which would run until their tests end.
      killGroup(child)
      rmSync(folder, { recursive: true, force: true })
    }),
    stop: () => {
      child.kill('SIGINT')
      setTimeout(() => killGroup(child), STOP_LIMIT).unref()
    },
  }
}

async function outcomeIn(
  child: ChildProcess,
  root: string,
  reportFile: string,
  onProgress: OnProgress,
): Promise<Outcome> {
  const begun = performance.now()
  let output = ''
  const keep = (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-LAST_WORDS)
  }
  child.stdout!.on('data', keep)
  child.stderr!.on('data', keep)
  let uncaught: readonly string[] = []
  child.on('message', (message: Message) => {
    if (message.type === 'uncaught') uncaught = message.errors
    else onProgress(message.done, message.total)
  })
  const ok = await new Promise<boolean>((settle, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => settle(code === 0))
  })
  const seconds = (performance.now() - begun) / 1_000
  const report = await readFile(reportFile, 'utf8').then(JSON.parse, () => undefined)
  return outcomeOf({ root, report, uncaught, ok, output, seconds })
}

/** A loop in a thread of its own; the process ends when its standard input does. */
const BUSY = `new (require('node:worker_threads').Worker)('for (;;);', { eval: true })
process.stdin.resume().on('end', () => process.exit())`

/**
 * Keeps two cores busy until this process ends, however it ends: then the system closes the pipes.
 */
export function startLoad(): void {
  for (const _ of [1, 2]) {
    const busy = spawn(process.execPath, ['-e', BUSY], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    })
    busy.unref()
    ;(busy.stdin as Socket).unref()
  }
}
