import { mkdir, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { ToolContext } from '../../scripts/lib/run-tool.js'
import { repositoryRoot } from '../../scripts/lib/servers/machine.js'
import { duration } from '../../src/cli/terminal/format.js'
import { hanging } from '../../src/cli/terminal/wrap.js'
import { reportPage } from '../report/html/page.js'
import { figuresOf, type PartReport, type Report, VERSION } from '../report/report.js'
import { judge } from '../report/targets.js'
import { environmentOf } from './environment.js'
import type { RunOptions } from './options.js'
import { closingLines, environmentLines, partLines } from './print.js'
import { runPart } from './run-part.js'

/** Runs the parts one after the other, prints the result of each, and writes the report. */
export async function runSuite(
  options: RunOptions,
  context: ToolContext,
  stream: NodeJS.WriteStream,
): Promise<Report> {
  const { paint } = context.terminal
  const look = () => ({ width: stream.isTTY ? stream.columns : 200, paint })
  const say = (...lines: readonly string[]) => stream.write(lines.map((line) => `${line}\n`).join(''))

  const createdAt = new Date()
  const folder = resolve(
    options.out ?? join(repositoryRoot(), 'node_modules/.cache/stockhold/bench', stamp(createdAt)),
  )
  // Before anything is measured, so that a folder that cannot be written fails at once.
  await mkdir(folder, { recursive: true })
  const environment = await environmentOf(options)
  say(...environmentLines(environment, look()), '')

  const parts: PartReport[] = []
  for (const [index, part] of options.parts.entries()) {
    const heading = `[${index + 1}/${options.parts.length}] ${part.name}  `
    say(...hanging(paint('bold', heading), heading.length, part.question, look().width))
    const report = await runPart(part, options, context, stream)
    parts.push(report)
    say(...partLines(report, look()), paint('dim', `took ${duration(report.seconds)}`), '')
  }

  const report: Report = {
    version: VERSION,
    createdAt: createdAt.toISOString(),
    ok: parts.every(({ invariants }) => invariants.every(({ holds }) => holds)),
    environment,
    targets: judge(figuresOf(parts)),
    parts,
  }
  say(...closingLines(report, look()), '')
  await writeFile(join(folder, 'report.json'), `${JSON.stringify(report, null, 2)}\n`)
  await writeFile(join(folder, 'report.html'), reportPage(report))
  say(`Report: ${join(folder, 'report.html')}`, `        ${join(folder, 'report.json')}`)
  return report
}

/** Sorts by time and is a file name everywhere. */
function stamp(at: Date): string {
  return at.toISOString().slice(0, 19).replaceAll(':', '-')
}
