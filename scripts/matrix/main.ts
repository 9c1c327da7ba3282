import { BadOption } from '../lib/options.js'
import { LiveProgress } from '../lib/terminal/progress-line.js'
import { type Terminal, terminalOf } from '../lib/terminal/style.js'
import { help, readOptions } from './options.js'
import { hasPassed, listed, report } from './report.js'
import type { Row } from './rows.js'
import { type Result, runRow } from './run-row.js'

// The tests run in groups of their own, which end with this process; so do copies of the repository, if it can still act.
process.once('SIGINT', () => process.exit(130))
process.once('SIGTERM', () => process.exit(143))
process.exitCode = await main().catch((error: Error) => {
  console.error(
    error instanceof BadOption ? `${error.message}\nTry: npm run test:matrix -- --help` : error.message,
  )
  return error instanceof BadOption ? 2 : 1
})

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2))
  if (!options) {
    console.log(help)
    return 0
  }
  const terminal = terminalOf(process.stdout, process.env)
  if (options.list) {
    console.log(options.rows.flatMap((row) => listed(row, terminal.paint)).join('\n'))
    return 0
  }
  const results: Result[] = []
  // One after the other: a row keeps two cores busy by itself.
  for (const row of options.rows) results.push(await runVisibly(row, options.files, terminal))
  const width = Math.max(60, (process.stdout.columns ?? 120) - 1)
  console.log(report(results, width, terminal.paint).join('\n'))
  return results.every(hasPassed) ? 0 : 1
}

async function runVisibly(row: Row, files: readonly string[], terminal: Terminal): Promise<Result> {
  const progress = new LiveProgress(row.name, terminal, process.stdout)
  progress.note(`${row.name}: preparing ${row.promises.join(' with ')}`)
  try {
    const result = await runRow(row, files, (done, total) =>
      progress.update(`${done} of ${total} files`, done, total),
    )
    const { passed, failed, seconds } = result.outcome
    progress.note(
      `${row.name}: ${passed} passed, ${failed} failed in ${Math.round(seconds)} s (${result.versions.join(', ')})`,
    )
    return result
  } finally {
    progress.stop()
  }
}
