import { minute, run } from '../lib/servers/command.js'
import type { Outcome } from '../repeat/outcome.js'
import { startTests, type TestEnvironment } from '../repeat/run.js'
import { rowEnvironment } from './row-environment.js'
import type { Row } from './rows.js'

export interface Result {
  readonly row: Row
  /** As reported by each program. */
  readonly versions: readonly string[]
  readonly outcome: Outcome
}

/** Called with the number of files that are done. */
export type OnProgress = (done: number, total: number) => void

/** @param files Run in place of the files of the row. */
export async function runRow(row: Row, files: readonly string[], onProgress: OnProgress): Promise<Result> {
  let versions: readonly string[] = []
  try {
    const place = await rowEnvironment(row.versions)
    versions = await probe(row, place)
    const missing = row.promises.find((promise) => !versions.some((version) => isOf(version, promise)))
    if (missing) throw new Error(`The row needs ${missing}, and found: ${versions.join(', ')}.`)
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

async function probe(
  { versions: { postgres } }: Row,
  { root, node, env }: TestEnvironment,
): Promise<string[]> {
  const args = ['scripts/run.mjs', 'scripts/matrix/probe.ts', ...(postgres ? ['--postgres'] : [])]
  const { stdout } = await run(node, args, { cwd: root, env, timeout: 10 * minute })
  return JSON.parse(stdout) as string[]
}
