import type { Terminal } from '../../src/cli/terminal/style.js'
import { runTool, type ToolContext } from '../lib/run-tool.js'
import { ProgressLine } from '../lib/terminal/progress-line.js'
import { help, type MatrixOptions, readOptions } from './options.js'
import { hasPassed, listed, report } from './report.js'
import type { Row } from './rows.js'
import { type Result, runRow } from './run-row.js'

// The tests run in process groups that end with this process, and so do the copies of the
// repository.
await runTool({ command: 'npm run test:matrix', help, readOptions, run })

async function run({ rows, files, list }: MatrixOptions, { terminal, width }: ToolContext): Promise<number> {
  if (list) {
    console.log(rows.flatMap((row) => listed(row, terminal.paint)).join('\n'))
    return 0
  }
  const results: Result[] = []
  // One after the other: a row keeps two cores busy by itself.
  for (const row of rows) results.push(await runVisibly(row, files, terminal))
  console.log(report(results, width(), terminal.paint).join('\n'))
  return results.every(hasPassed) ? 0 : 1
}

async function runVisibly(row: Row, files: readonly string[], terminal: Terminal): Promise<Result> {
  const progress = new ProgressLine(row.name, terminal, process.stdout)
  progress.note(`${row.name}: preparing ${row.promises.join(' with ')}`)
  try {
    const result = await runRow(row, files, (done, total) =>
      progress.update(`${done} of ${total} files`, done, total),
    )
    const { passed, failed, seconds, failures } = result.outcome
    progress.note(
      `${row.name}: ${passed} passed, ${failed} failed in ${Math.round(seconds)} s (${result.versions.join(', ')})`,
    )
    for (const { test } of failures) progress.note(`  ${test}`)
    return result
  } finally {
    progress.stop()
  }
}
