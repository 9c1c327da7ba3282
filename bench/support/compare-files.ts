import { readFile } from 'node:fs/promises'
import { change, quantity } from '../../src/cli/terminal/format.js'
import { terminalOf } from '../../src/cli/terminal/style.js'
import { terminalTable } from '../../src/cli/terminal/table.js'
import { type Comparison, compareEnvironments, compareFigures, type Verdict } from '../report/compare.js'
import { readReport } from '../report/read.js'
import type { Report } from '../report/report.js'

/**
 * Prints two reports side by side. @throws {Error} that names the file that cannot be read, and
 * why.
 */
export async function compareFiles(
  files: readonly [a: string, b: string],
  stream: NodeJS.WriteStream,
): Promise<void> {
  const [a, b] = [await load(files[0]), await load(files[1])]
  const { paint } = terminalOf(stream, process.env)
  const width = stream.isTTY ? stream.columns : 200
  const comparisons = compareFigures(a, b)
  const differences = compareEnvironments(a.environment, b.environment)
  const table = {
    title: '',
    columns: ['figure', 'A', 'B', 'change', 'verdict'],
    rows: comparisons.map(({ id, a, b, change: percent, verdict }) => [
      id,
      a === undefined ? '-' : quantity(a.value, a.unit),
      b === undefined ? '-' : quantity(b.value, b.unit),
      percent === undefined ? '-' : change(percent),
      verdict,
    ]),
  }
  const colours: Partial<Record<string, 'green' | 'red' | 'yellow'>> = {
    better: 'green',
    worse: 'red',
    'not comparable': 'yellow',
  }
  const colour = (cell: string, column: number) => {
    const found = column === 4 ? colours[cell.trim()] : undefined
    return found === undefined ? cell : paint(found, cell)
  }
  const lines = [
    ...[a, b].map((report, index) => `${'AB'[index]}: ${files[index]}, ${headline(report)}`),
    '',
    ...(differences.length === 0
      ? []
      : [
          paint('yellow', 'Not run in the same environment, so figures may differ for that reason:'),
          ...differences.map(({ name, a, b }) => `  ${name}: ${a || '""'} -> ${b || '""'}`),
          '',
        ]),
    ...terminalTable(table, width, paint, colour),
    '',
    summary(comparisons),
  ]
  stream.write(lines.map((line) => `${line}\n`).join(''))
}

async function load(file: string): Promise<Report> {
  try {
    return readReport(await readFile(file, 'utf8'))
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw new Error(`${file}: ${code === 'ENOENT' ? 'there is no such file' : message}`)
  }
}

function headline({ createdAt, environment: { git }, ok }: Report): string {
  const commit =
    git === null ? 'commit not known' : `commit ${git.commit.slice(0, 12)}${git.dirty ? ' with changes' : ''}`
  return `${createdAt}, ${commit}${ok ? '' : ', INVARIANTS BROKEN'}`
}

function summary(comparisons: readonly Comparison[]): string {
  const order: readonly Verdict[] = [
    'better',
    'worse',
    'within the noise',
    'only in A',
    'only in B',
    'not comparable',
  ]
  const counts = order.map(
    (verdict) => [comparisons.filter((each) => each.verdict === verdict).length, verdict] as const,
  )
  return (
    counts
      .filter(([count]) => count > 0)
      .map(([count, verdict]) => `${count} ${verdict}`)
      .join(', ') || 'no figures to compare'
  )
}
