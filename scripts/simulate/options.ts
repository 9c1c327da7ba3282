import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { BadOption, whole } from '../lib/options.js'

export interface SimulateOptions {
  readonly seed: number
  readonly runs: number
  readonly trace: boolean
  readonly only: 'sales' | 'rooms' | undefined
}

const help = `Simulates sales and waiting rooms in which nearly everything fails, and checks every answer that was given.

  npm run simulate -- [options]

  --runs N    runs, each with a seed of its own               (default 10000)
  --seed N    the first seed, the next ones follow            (default: a new one)
  --only W    sales or rooms                              (default: each seed both)
  --trace     prints what happens, line by line
  -h, --help

The same seed is the same run. The exit code is 1 if a promise was broken, 2 for a wrong option.`

export type Options = { readonly help: string } | SimulateOptions

/** @throws {BadOption} that names the option and the rule it breaks. */
export function readOptions(args: readonly string[]): Options {
  const { help: asked, trace = false, ...values } = parse(args)
  if (asked) return { help }
  return {
    seed: whole(values, 'seed', randomInt(2 ** 31), 0, 2 ** 32 - 1),
    runs: whole(values, 'runs', 10_000, 1, 1_000_000_000),
    trace,
    only: onlyOf(values.only),
  }
}

function onlyOf(value: string | undefined): SimulateOptions['only'] {
  if (value === undefined || value === 'sales' || value === 'rooms') return value
  throw new BadOption('only', `must be sales or rooms, not ${JSON.stringify(value)}`)
}

function parse(args: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        seed: { type: 'string' },
        runs: { type: 'string' },
        only: { type: 'string' },
        trace: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
      strict: true,
    })
    return values
  } catch (error) {
    // The first sentence says it all: the others explain how to pass what nobody meant to pass.
    throw new BadOption(undefined, (error as Error).message.split(/\.\s|\n/)[0]!)
  }
}
