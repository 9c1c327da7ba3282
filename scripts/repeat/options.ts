import { existsSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { BadOption, whole } from '../lib/options.js'

export interface RepeatOptions {
  readonly times: number
  readonly load: boolean
  /** Files or folders; none of them: the whole suite. */
  readonly files: readonly string[]
}

export type Options = { readonly help: string } | RepeatOptions

export const help = `Runs the tests many times, and lists every test that failed in any run.

  npm run test:repeat                               the whole suite, ten times
  npm run test:repeat -- --times 5 --load           five times, beside two busy processes
  npm run test:repeat -- --times 100 FILE...        some files or folders

  --times N   runs                                                  (default 10)
  --load      two processes that never rest run beside the tests
  -h, --help

The first Ctrl-C ends the run under way and shows the finished ones, the second one ends the process.
The exit code is 0 if every run passed, 1 if one failed, 2 for a wrong option, 130 after Ctrl-C.`

/** @throws {BadOption} that names the option and the rule it breaks. */
export function readOptions(args: readonly string[]): Options {
  const { values, positionals } = parse(args)
  if (values.help) return { help }
  const missing = positionals.find((file) => !existsSync(file))
  if (missing !== undefined) throw new BadOption(undefined, `there is no file ${JSON.stringify(missing)}`)
  return {
    times: whole(values, 'times', 10, 1, 10_000),
    load: values.load ?? false,
    files: positionals,
  }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        times: { type: 'string' },
        load: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    })
  } catch (error) {
    // The first sentence says it all: the others explain how to pass a value that was not meant.
    throw new BadOption(undefined, (error as Error).message.split(/\.\s|\n/)[0]!)
  }
}
