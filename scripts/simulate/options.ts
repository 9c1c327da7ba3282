import { oneOf, parseOptions, seed, whole } from '../../src/cli/tool-options.js'

export interface SimulateOptions {
  readonly seed: number
  readonly runs: number
  readonly trace: boolean
  readonly only: 'sales' | 'rooms' | undefined
}

export const help = `Simulates sales and waiting rooms in which nearly everything fails, and checks every answer.

  npm run simulate -- [options]

  --runs N    runs, each with its own seed                    (default 10000)
  --seed N    the first seed; the others follow it            (default: a new one)
  --only W    sales or rooms                                  (default: both)
  --trace     prints every step
  -h, --help

The same seed gives the same run. The first Ctrl-C ends the run under way and reports, the second one ends the process.
The exit code is 0 if every check holds, 1 if one does not, 2 for a wrong option.`

/** @throws {BadOption} */
export function readOptions(args: readonly string[]): SimulateOptions {
  const { values } = parseOptions(args, { texts: ['seed', 'runs', 'only'], flags: ['trace'] })
  return {
    seed: seed(values),
    runs: whole(values, 'runs', 10_000, 1, 1_000_000_000),
    trace: values.trace ?? false,
    only: oneOf(values, 'only', ['sales', 'rooms']),
  }
}
