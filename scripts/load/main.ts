/** `npm run load -- --help` says what it does. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { terminalTable } from '../../src/cli/terminal/table.js'
import { invariantLines } from '../lib/load/invariants.js'
import { redact } from '../lib/redact.js'
import { runTool, type ToolContext } from '../lib/run-tool.js'
import { repositoryRoot } from '../lib/servers/machine.js'
import { LivePanel } from '../lib/terminal/live-panel.js'
import { LoadRun, load } from './load.js'
import { help, type LoadOptions, readOptions } from './options.js'
import { type LoadReport, loadPage, reportOf } from './report.js'
import { LoadView } from './view.js'

const PATIENCE_MS = 30_000
const AGAIN_MS = 500
/** The shop could not be judged. */
const NOT_JUDGED = 3
const exitCodes: Record<LoadReport['verdict'], number> = { holds: 0, broken: 1, 'not judged': NOT_JUDGED }

await runTool({ command: 'npm run load', help, readOptions, run, errorCode: NOT_JUDGED, interrupt: 'finish' })

async function run(options: LoadOptions, context: ToolContext): Promise<number> {
  const { terminal, width, interrupted } = context
  const { paint } = terminal
  const createdAt = new Date()
  const folder = resolve(
    options.out ?? join(repositoryRoot(), 'node_modules/.cache/stockhold/load', stamp(createdAt)),
  )
  // Before a visitor comes, so that a folder that cannot be written fails at once.
  await mkdir(folder, { recursive: true })
  const loadRun = new LoadRun(options)
  const header = [`${paint('bold', 'stockhold load')}, ${redact(options.url)}, seed ${options.seed}`, '']
  const panel = new LivePanel(new LoadView(loadRun, paint), header, terminal, process.stdout)
  panel.start()
  const limits = { signal: interrupted, patienceMs: PATIENCE_MS, againMs: AGAIN_MS }
  const result = await load(loadRun, limits).finally(() => panel.stop())
  const report = reportOf(loadRun, result, createdAt)
  await writeFile(join(folder, 'report.json'), `${JSON.stringify(report, null, 2)}\n`)
  await writeFile(join(folder, 'report.html'), loadPage(report))
  for (const table of report.tables) console.log(`\n${terminalTable(table, width(), paint).join('\n')}`)
  console.log(`\n${invariantLines(report.invariants, width(), paint).join('\n')}`)
  console.log(`\nverdict: ${paint(report.verdict === 'holds' ? 'green' : 'red', report.sentence)}.`)
  console.log(`Report: ${join(folder, 'report.html')}`)
  return exitCodes[report.verdict]
}

/** Sorts by time and is a file name everywhere. */
function stamp(at: Date): string {
  return at.toISOString().slice(0, 19).replaceAll(':', '-')
}
