import { oneOf, parseOptions, seed, whole } from '../lib/options.js'

export interface SimulateOptions {
  readonly seed: number
  readonly runs: number
  readonly trace: boolean
  readonly only: 'sales' | 'rooms' | undefined
}

export const help = `Simulates sales and waiting rooms in which nearly everything fails, and checks every answer that was given.

  npm run simulate -- [options]

  --runs N    runs, each with a seed of its own               (default 10000)
  --seed N    the first seed, the next ones follow            (default: a new one)
  --only W    sales or rooms                              (default: each seed both)
  --trace     prints what happens, line by line
  -h, --help

The same seed is the same run. The exit code is 1 if a promise was broken, 2 for a wrong option.`

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
