import { minute, run } from '../lib/servers/command.js'
import type { Outcome } from '../repeat/outcome.js'
import { type Place, startTests } from '../repeat/run.js'
import type { Row } from './rows.js'
import { surroundings } from './surroundings.js'

export interface Result {
  readonly row: Row
  /** As each of them tells it. */
  readonly versions: readonly string[]
  readonly outcome: Outcome
}

/** Hears how many of the files are done. */
export type OnProgress = (done: number, total: number) => void

/** @param files In place of those of the row. */
export async function runRow(row: Row, files: readonly string[], onProgress: OnProgress): Promise<Result> {
  let versions: readonly string[] = []
  try {
    const place = await surroundings(row.versions)
    versions = await probe(row, place)
    const missing = row.promises.find((promise) => !versions.some((version) => isOf(version, promise)))
    if (missing) throw new Error(`${missing} is wanted, and here are: ${versions.join(', ')}`)
    const outcome = await startTests(files.length > 0 ? files : row.files, onProgress, place).outcome
    return { row, versions, outcome }
  } catch (error) {
    const failures = [{ test: row.name, message: (error as Error).message }]
    return { row, versions, outcome: { passed: 0, failed: 1, skipped: 0, seconds: 0, failures } }
  }
}

/** `Node 22.1.0` is of `Node 22`, and not of `Node 2`. */
function isOf(version: string, promise: string): boolean {
  return `${version}.`.startsWith(`${promise}.`)
}

async function probe({ versions: { postgres } }: Row, { root, node, env }: Place): Promise<string[]> {
  const args = ['scripts/run.mjs', 'scripts/matrix/probe.ts', ...(postgres ? ['--postgres'] : [])]
  const { stdout } = await run(node, args, { cwd: root, env, timeout: 10 * minute })
  return JSON.parse(stdout) as string[]
}
