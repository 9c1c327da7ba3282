import { BadOption, parseOptions, redisUrl, seed } from '../../src/cli/tool-options.js'
import type { Part } from '../part.js'

export interface RunOptions {
  readonly parts: readonly Part[]
  readonly redis: string | undefined
  readonly quick: boolean
  readonly realTime: boolean
  readonly seed: number
  /** `undefined`: a new folder that the suite chooses. */
  readonly out: string | undefined
}

export type BenchOptions =
  | { readonly command: 'compare'; readonly files: readonly [a: string, b: string] }
  | ({ readonly command: 'run' } & RunOptions)

export function helpText(parts: readonly Part[]): string {
  const width = Math.max(0, ...parts.map(({ name }) => name.length))
  return `Measures how fast the library is and how much it needs, and checks that it is correct at that speed.

  npm run bench                          all parts
  npm run bench -- NAME...               some parts
  npm run bench -- compare A.json B.json two reports side by side

Parts:
${parts.map(({ name, question }) => `  ${name.padEnd(width)}  ${question}`).join('\n')}

Options:
  --redis URL    measures this Redis; the suite uses only keys of new prefixes there, and deletes them
                 (without it: a Redis that the suite starts and stops)
  --quick        takes three minutes instead of half an hour: smaller rounds, and fewer of them
  --real-time    plays the launch night in real time as well
  --seed N       for everything that is drawn at random (default 1, so that two runs do the same)
  --out FOLDER   the folder of report.json and report.html (default: a new one in node_modules/.cache)
  --help         this text

The exit code is 0 if every invariant held, 1 if one did not, 2 if nothing was measured. A missed target is
no failure.`
}

/** @throws {BadOption} */
export function readOptions(args: readonly string[], parts: readonly Part[]): BenchOptions {
  const { values, positionals } = parseOptions(args, {
    texts: ['redis', 'seed', 'out'],
    flags: ['quick', 'real-time'],
    positionals: true,
  })
  if (positionals[0] === 'compare') return compareOptions(positionals.slice(1), Object.keys(values))
  if (values.out === '') throw new BadOption('out', 'must name a folder')
  return {
    command: 'run',
    parts: chosen(positionals, parts),
    redis: redisUrl(values),
    quick: values.quick ?? false,
    realTime: values['real-time'] ?? false,
    seed: seed(values, 1),
    out: values.out,
  }
}

function compareOptions(files: readonly string[], given: readonly string[]): BenchOptions {
  const [a, b, ...more] = files
  if (given[0] !== undefined) throw new BadOption(given[0], 'does not go with compare')
  if (a === undefined || b === undefined || more.length > 0) {
    throw new BadOption(undefined, `compare needs two reports: compare A.json B.json`)
  }
  return { command: 'compare', files: [a, b] }
}

/** In the order of the suite, whatever the order asked for. */
function chosen(names: readonly string[], parts: readonly Part[]): readonly Part[] {
  const unknown = names.find((name) => !parts.some((part) => part.name === name))
  if (unknown !== undefined) {
    const known = parts.map(({ name }) => name).join(', ')
    throw new BadOption(undefined, `there is no part ${JSON.stringify(unknown)}; there are: ${known}`)
  }
  return names.length === 0 ? parts : parts.filter(({ name }) => names.includes(name))
}
