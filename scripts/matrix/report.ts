import { counted } from '../../src/cli/terminal/format.js'
import type { Paint } from '../../src/cli/terminal/style.js'
import { terminalTable } from '../../src/cli/terminal/table.js'
import type { Row } from './rows.js'
import type { Result } from './run-row.js'

const MESSAGE_LINES = 12

export function listed({ name, promises, files }: Row, paint: Paint): string[] {
  return [`${paint('bold', name)}  on ${promises.join(' with ')}`, ...files.map((file) => `  ${file}`)]
}

export const hasPassed = ({ outcome }: Result): boolean => outcome.failed === 0

/** The failures, then the table, then the verdict. */
export function report(results: readonly Result[], width: number, paint: Paint): string[] {
  const failed = results.filter((result) => !hasPassed(result))
  const table = {
    title: 'Matrix',
    columns: ['row', 'ran on', 'passed', 'failed', 'skipped', 'seconds'],
    rows: results.map(({ row, versions, outcome }) => [
      row.name,
      versions.join(', ') || 'nothing',
      outcome.passed,
      outcome.failed,
      outcome.skipped,
      Math.round(outcome.seconds),
    ]),
  }
  const verdict =
    failed.length === 0
      ? `${counted(results.length, 'row')} passed.`
      : `${failed.length} of ${counted(results.length, 'row')} failed: ${failed.map(({ row }) => row.name).join(', ')}.`
  return [
    ...failed.flatMap((result) => failuresOf(result, paint)),
    '',
    ...terminalTable(table, width, paint),
    '',
    paint(failed.length === 0 ? 'green' : 'red', verdict),
  ]
}

function failuresOf({ row, outcome }: Result, paint: Paint): string[] {
  const each = outcome.failures.flatMap(({ test, message }) => [
    `  ${paint('red', test)}`,
    ...message
      .split('\n')
      .slice(0, MESSAGE_LINES)
      .map((line) => `    ${line}`),
  ])
  return ['', paint('bold', row.name), ...each]
}
