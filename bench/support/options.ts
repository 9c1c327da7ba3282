import { parseArgs } from 'node:util'
import { BadOption, whole } from '../../scripts/lib/options.js'
import type { Part } from '../part.js'

export interface RunOptions {
  readonly parts: readonly Part[]
  readonly redis: string | undefined
  readonly quick: boolean
  readonly realTime: boolean
  readonly seed: number
  /** `undefined`: a new folder of the suite's own choice. */
  readonly out: string | undefined
}

export type Options =
  | { readonly command: 'help' }
  | { readonly command: 'compare'; readonly files: readonly [a: string, b: string] }
  | ({ readonly command: 'run' } & RunOptions)

/** @throws {BadOption} that names what is wrong. */
export function readOptions(args: readonly string[], parts: readonly Part[]): Options {
  const { values, positionals } = parse(args)
  if (values.help) return { command: 'help' }
  if (positionals[0] === 'compare') return compareOptions(positionals.slice(1), Object.keys(values))
  if (values.redis !== undefined && !isRedisUrl(values.redis)) {
    throw new BadOption('redis', 'must be a redis:// or rediss:// URL')
  }
  if (values.out === '') throw new BadOption('out', 'must name a folder')
  return {
    command: 'run',
    parts: chosen(positionals, parts),
    redis: values.redis,
    quick: values.quick ?? false,
    realTime: values['real-time'] ?? false,
    seed: whole(values, 'seed', 1, 0, 2 ** 32 - 1),
    out: values.out,
  }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        redis: { type: 'string' },
        quick: { type: 'boolean' },
        'real-time': { type: 'boolean' },
        seed: { type: 'string' },
        out: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    })
  } catch (error) {
    // The first sentence says it all: the others explain how to pass what nobody meant to pass.
    throw new BadOption(undefined, (error as Error).message.split(/\.\s|\n/)[0]!)
  }
}

function compareOptions(files: readonly string[], given: readonly string[]): Options {
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

function isRedisUrl(text: string): boolean {
  return URL.canParse(text) && /^rediss?:$/.test(new URL(text).protocol)
}
