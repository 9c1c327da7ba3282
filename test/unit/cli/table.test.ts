import { expect, test } from 'vitest'
import { plain } from '../../../src/cli/terminal/style.js'
import { terminalTable } from '../../../src/cli/terminal/table.js'

test('a table may have any number of rows', () => {
  const rows = Array.from({ length: 150_000 }, (_, i) => [`r-${i}`])
  const lines = terminalTable({ title: 'refused', columns: ['reservation'], rows }, 80, plain)
  expect(lines).toHaveLength(2 + rows.length)
  expect(lines.at(-1)).toBe('r-149999')
})
