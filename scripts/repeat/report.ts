import { stripVTControlCharacters } from 'node:util'
import type { Paint } from '../../src/cli/terminal/style.js'
import { terminalTable } from '../../src/cli/terminal/table.js'
import { wrap } from '../../src/cli/terminal/wrap.js'
import { flakes, type Outcome } from './outcome.js'

/** Lines of a message that are shown: the error, not its stack. */
const MESSAGE_LINES = 3

export function report(outcomes: readonly Outcome[], width: number, paint: Paint): string[] {
  const found = flakes(outcomes)
  const table = {
    title: 'Runs',
    columns: ['run', 'passed', 'failed', 'skipped', 'seconds'],
    rows: outcomes.map(({ passed, failed, skipped, seconds }, index) => [
      ...[index + 1, passed, failed, skipped, Math.round(seconds)],
    ]),
  }
  return [
    ...(outcomes.length === 0 ? [] : ['', ...terminalTable(table, width, paint)]),
    ...(found.length === 0 ? [] : ['', paint('bold', 'Failed')]),
    ...found.flatMap(({ test, runs, message }) => [
      ...wrap(`${runs} of ${outcomes.length}  ${test}`, width).map((line) => paint('red', line)),
      ...firstLines(message)
        .flatMap((line) => wrap(line, width - 4))
        .map((line) => `    ${line}`),
    ]),
    '',
    verdict(outcomes, paint),
  ]
}

/** The failures of one run, printed after the run if there is no live panel. */
export function failuresOf({ failures }: Outcome, paint: Paint): string[] {
  return failures.flatMap(({ test, message }) => [
    paint('red', `✗ ${test}`),
    ...firstLines(message).map((line) => `    ${line}`),
  ])
}

function verdict(outcomes: readonly Outcome[], paint: Paint): string {
  const failed = outcomes.filter((outcome) => outcome.failed > 0).length
  if (outcomes.length === 0) return paint('red', '✗ No run was finished')
  if (failed > 0) return paint('red', `✗ ${failed} of ${outcomes.length} runs failed`)
  return paint('green', `✓ ${outcomes.length} of ${outcomes.length} runs passed`)
}

/** Without the colours of the test runner and without the stack. */
function firstLines(message: string): string[] {
  const lines = stripVTControlCharacters(message)
    .split('\n')
    .filter((line) => line.trim() !== '')
  const stack = lines.findIndex((line) => /^\s+at /.test(line))
  return lines.slice(0, stack === -1 ? MESSAGE_LINES : Math.min(MESSAGE_LINES, stack))
}
