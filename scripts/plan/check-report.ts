import { about } from '../../src/cli/plan/format.js'
import type { Paint } from '../../src/cli/terminal/style.js'
import { terminalTable } from '../../src/cli/terminal/table.js'
import { invariantLines } from '../lib/load/invariants.js'
import { type Checked, FACTORS } from './check.js'

export function checkLines(
  { partitions, rows, invariants, ok }: Checked,
  width: number,
  paint: Paint,
): string[] {
  const table = {
    title: `Planned and measured, on this machine with ${partitions === 1 ? 'one partition' : `${partitions} partitions on one server`}`,
    columns: ['', 'items a call', 'planned', 'measured', 'ratio', ''],
    rows: rows.map(({ what, unit, perCall, planned, measured, ratio, factor, holds }) => [
      what,
      about(perCall),
      `${about(planned)} ${unit}`,
      `${about(measured)} ${unit}`,
      ratio.toFixed(2),
      holds ? 'holds' : `off by more than ${factor}`,
    ]),
  }
  const verdict = ok
    ? `The plan holds here: CPU within a factor of ${FACTORS.cpu}, everything else within ${FACTORS.memory}.`
    : 'The plan does not hold here.'
  return [
    '',
    ...terminalTable(table, width, paint),
    '',
    ...invariantLines(invariants, width, paint),
    '',
    paint(ok ? 'green' : 'red', `${ok ? '✓' : '✗'} ${verdict}`),
  ]
}
