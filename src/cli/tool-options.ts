import { randomInt } from 'node:crypto'
import { type ParseArgsConfig, parseArgs } from 'node:util'
import { BadUsage, didYouMean } from './command.js'

/** A mistake in the command line: which option, and the rule it breaks. */
export class BadOption extends BadUsage {
  constructor(option: string | undefined, rule: string) {
    super(option === undefined ? rule : `--${option} ${rule}`)
  }
}

/**
 * The names of a tool's options: a text takes a value, a list may be given again, a flag has no
 * value.
 */
export interface OptionNames<T extends string, L extends string, F extends string> {
  readonly texts?: readonly T[]
  readonly lists?: readonly L[]
  readonly flags?: readonly F[]
  /** Whether the tool takes arguments that are no options. @default false */
  readonly positionals?: boolean
}

/**
 * @throws {BadOption} If an option is unknown or lacks its value, or if the tool takes no such
 * argument.
 */
export function parseOptions<T extends string = never, L extends string = never, F extends string = never>(
  args: readonly string[],
  { texts = [], lists = [], flags = [], positionals: allowPositionals = false }: OptionNames<T, L, F>,
) {
  const options: ParseArgsConfig['options'] = {}
  for (const name of texts) options[name] = { type: 'string' }
  for (const name of lists) options[name] = { type: 'string', multiple: true }
  for (const name of flags) options[name] = { type: 'boolean' }
  try {
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals })
    type Values = { [N in T]?: string } & { [N in L]?: string[] } & { [N in F]?: boolean }
    return { values: values as Values, positionals }
  } catch (error) {
    throw new BadOption(undefined, unknownOption(error, Object.keys(options)))
  }
}

/** The first sentence of an error of `parseArgs`, and the option that was perhaps meant. */
export function unknownOption(error: unknown, names: readonly string[]): string {
  // The other sentences explain how to pass a value that begins with a dash.
  const [sentence] = (error as Error).message.split(/\.\s|\n/)
  const [, unknown] = /Unknown option '--([^']*)'/.exec(sentence!) ?? []
  return `${sentence}.${unknown === undefined ? '' : didYouMean(unknown, names, '--')}`
}

type Texts<N extends string> = { readonly [name in N]?: string }

export function whole<N extends string>(
  values: Texts<N>,
  name: N,
  standard: number,
  min: number,
  max: number,
): number {
  const text = values[name]
  if (text === undefined) return standard
  // Digits alone (with _ between them, as in 100_000): Number() would take '1e3', '0x10' and ' '.
  const value = /^\d+(_\d+)*$/.test(text) ? Number(text.replaceAll('_', '')) : Number.NaN
  if (value >= min && value <= max) return value
  throw new BadOption(name, `must be a whole number from ${min} to ${max}, not ${JSON.stringify(text)}`)
}

export function decimal<N extends string>(
  values: Texts<N>,
  name: N,
  standard: number,
  above: number,
  max: number,
): number {
  const text = values[name]
  if (text === undefined) return standard
  const value = /^\d*\.?\d+$/.test(text) ? Number(text) : Number.NaN
  if (value > above && value <= max) return value
  throw new BadOption(
    name,
    `must be a number greater than ${above}, at most ${max}, not ${JSON.stringify(text)}`,
  )
}

/** `--seed`; another one for each run unless it is given. */
export function seed(values: Texts<'seed'>, standard = randomInt(2 ** 31)): number {
  return whole(values, 'seed', standard, 0, 2 ** 32 - 1)
}

export function oneOf<N extends string, C extends string>(
  values: Texts<N>,
  name: N,
  choices: readonly C[],
): C | undefined {
  const text = values[name]
  const choice = choices.find((each) => each === text)
  if (text === undefined || choice !== undefined) return choice
  throw new BadOption(name, `must be ${choices.join(' or ')}, not ${JSON.stringify(text)}`)
}

/** `--redis URL`. The message does not repeat the URL, which may hold a password. */
export function redisUrl({ redis }: Texts<'redis'>): string | undefined {
  if (redis === undefined || (URL.canParse(redis) && /^rediss?:$/.test(new URL(redis).protocol))) return redis
  throw new BadOption('redis', 'must be a redis:// or rediss:// URL')
}
