import { existsSync } from 'node:fs'
import { BadOption, parseOptions, whole } from '../../src/cli/tool-options.js'

export interface RepeatOptions {
  readonly times: number
  readonly load: boolean
  /** Files or folders; empty: the whole suite. */
  readonly files: readonly string[]
}

export const help = `Runs the tests many times, and lists every test that failed in any run.

  npm run test:repeat                               the whole suite, ten times
  npm run test:repeat -- --times 5 --load           five times, beside two busy processes
  npm run test:repeat -- --times 100 FILE...        some files or folders

  --times N   runs                                                  (default 10)
  --load      runs two busy processes beside the tests
  -h, --help

The first Ctrl-C ends the run under way and shows the finished ones, the second one ends the process.
The exit code is 0 if every run passed, 1 if one failed, 2 for a wrong option, 130 after Ctrl-C.`

/** @throws {BadOption} */
export function readOptions(args: readonly string[]): RepeatOptions {
  const { values, positionals: files } = parseOptions(args, {
    texts: ['times'],
    flags: ['load'],
    positionals: true,
  })
  const missing = files.find((file) => !existsSync(file))
  if (missing !== undefined) throw new BadOption(undefined, `there is no file ${JSON.stringify(missing)}`)
  return { times: whole(values, 'times', 10, 1, 10_000), load: values.load ?? false, files }
}
