import { invariantLines } from '../../scripts/lib/load/invariants.js'
import { quantity, quantityBeside, range } from '../../src/cli/terminal/format.js'
import type { Paint } from '../../src/cli/terminal/style.js'
import { terminalTable } from '../../src/cli/terminal/table.js'
import { hanging, wrap } from '../../src/cli/terminal/wrap.js'
import { environmentRows } from '../report/environment-rows.js'
import {
  type Environment,
  invariantsOf,
  type PartReport,
  type Report,
  type TargetResult,
  verdictOf,
} from '../report/report.js'
import { tally } from '../report/targets.js'

/** How wide and colourful the output may be. */
export interface Look {
  readonly width: number
  readonly paint: Paint
}

/** On a narrower terminal a target takes one line for its name and one for the rest. */
const WIDE = 120

const colours = { met: 'green', missed: 'red', 'not measured': 'dim' } as const

export function environmentLines(environment: Environment, { width }: Look): string[] {
  return environmentRows(environment).flatMap(([name, value]) =>
    hanging(`${name}:`.padEnd(22), 22, value, width),
  )
}

export function partLines({ tables, invariants }: PartReport, { width, paint }: Look): string[] {
  return [
    ...tables.flatMap((table) => ['', ...terminalTable(table, width, paint)]),
    '',
    ...invariantLines(invariants, width, paint),
    '',
  ]
}

/** The targets, and the verdict as the last line. */
export function closingLines({ targets, parts, ok }: Report, look: Look): string[] {
  const { width, paint } = look
  const broken = invariantsOf(parts).filter(({ holds }) => !holds)
  return [
    ...(width < WIDE ? targetBlocks(targets, look) : targetTable(targets, look)),
    '',
    `Targets: ${tally(targets) || 'none'}`,
    ...broken.flatMap(({ part, rule, detail }) => {
      const text = `${part}: ${rule}${detail === undefined ? '' : `: ${detail}`}`
      return hanging(paint('red', '✗ '), 2, text, width)
    }),
    paint(ok ? 'green' : 'red', `${ok ? '✓' : '✗'} ${verdictOf(parts)}`),
  ]
}

function targetTable(targets: readonly TargetResult[], { width, paint }: Look): string[] {
  const table = {
    title: 'Targets',
    columns: ['figure', 'wanted', 'measured', 'lowest to highest', 'verdict'],
    rows: targets.map((target) => [target.label, ...cells(target)]),
  }
  return terminalTable(table, width, paint, (cell, column) => {
    const verdict = (['not measured', 'met', 'missed'] as const).find((text) => cell.startsWith(text))
    return column < 4 || verdict === undefined ? cell : paint(colours[verdict], cell)
  })
}

function targetBlocks(targets: readonly TargetResult[], { width, paint }: Look): string[] {
  const blocks = targets.flatMap((target) => {
    const [wanted, measured, spread, verdict] = cells(target)
    const found = target.measured === null ? '' : `: ${measured}${spread && ` (${spread})`}`
    return [
      ...wrap(target.label, width),
      `  ${paint(colours[target.verdict], verdict!)}${found}, wanted ${wanted}`,
    ]
  })
  return [paint('bold', 'Targets'), ...blocks]
}

function cells({ bound, value, unit, measured, spread, verdict }: TargetResult): string[] {
  return [
    `${bound} ${quantity(value, unit)}`,
    measured === null ? '-' : quantityBeside(value, measured, unit),
    range(spread),
    verdict,
  ]
}
