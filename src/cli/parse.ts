import { type ParseArgsConfig, parseArgs } from 'node:util'
import { BadUsage, type Command, didYouMean, Given, type Option } from './command.js'
import { HELP, VERSION } from './options.js'
import { unknownOption } from './tool-options.js'

/** What the command line asks for. */
export type Parsed =
  | { readonly help: Command | undefined }
  | { readonly help?: never; readonly version: true }
  | { readonly help?: never; readonly command: Command; readonly given: Given }

/** Stands before a negative number, which would be taken for an option. */
const NEGATIVE = '\0'

/** @throws {BadUsage} */
export function parse(args: readonly string[], commands: readonly Command[]): Parsed {
  const { values, positionals } = parseAll(args, commands)
  if (values.version) return { version: true }
  // `help pause` asks for what `pause --help` does.
  const asksForHelp = positionals[0] === 'help'
  const [name, ...words] = asksForHelp ? positionals.slice(1) : positionals
  const command = commands.find((one) => one.name === name)
  if (name !== undefined && !command) {
    const names = commands.map((one) => one.name)
    throw new BadUsage(`there is no command ${JSON.stringify(name)}.${didYouMean(name, names)}`)
  }
  if (values.help || asksForHelp) return { help: command }
  if (!command) throw new BadUsage('which command?')
  const known = new Map(command.options.map((option) => [option.name, option]))
  for (const [option, given] of Object.entries(values)) {
    if (!known.has(option))
      throw new BadUsage(
        `${command.name} has no option --${option}.${didYouMean(option, [...known.keys()], '--')}`,
      )
    if (given!.length > 1 && !known.get(option)!.many) throw new BadUsage(`--${option} is given twice`)
  }
  checkWords(command, words)
  return { command, given: new Given(words, values) }
}

type Values = Readonly<Record<string, readonly (string | boolean)[] | undefined>>

/** Parses by the options of all commands: an option may stand before the command. */
function parseAll(args: readonly string[], commands: readonly Command[]) {
  const all = new Map<string, Option>([HELP, VERSION].map((option) => [option.name, option]))
  for (const option of commands.flatMap((command) => command.options)) all.set(option.name, option)
  const options: NonNullable<ParseArgsConfig['options']> = {}
  for (const { name, short, value } of all.values())
    options[name] = {
      ...{ type: value === undefined ? 'boolean' : 'string', multiple: true },
      ...(short !== undefined && { short }),
    }
  const marked = args.map((argument) => (/^-\d/.test(argument) ? NEGATIVE + argument : argument))
  const unmark = <T>(value: T) => (typeof value === 'string' ? value.replace(NEGATIVE, '') : value)
  try {
    const { values, positionals } = parseArgs({ args: marked, allowPositionals: true, options })
    const unmarked = Object.entries(values).map(([name, given]) => [name, (given as []).map(unmark)])
    return { values: Object.fromEntries(unmarked) as Values, positionals: positionals.map(unmark) }
  } catch (error) {
    // An option of the command that is meant: the first word that names one. A later word may be a
    // SKU, such as `watch`.
    const named = args.map((word) => commands.find(({ name }) => name === word))
    const command = named.find((one) => one !== undefined)
    const names = command ? [...command.options.map(({ name }) => name), HELP.name] : [...all.keys()]
    throw new BadUsage(unknownOption(error, names))
  }
}

function checkWords({ name, parameters }: Command, words: readonly string[]): void {
  const all = parameters === '' ? [] : parameters.split(' ')
  const needed = all.filter((parameter) => !parameter.startsWith('['))
  if (words.length < needed.length)
    throw new BadUsage(`${needed[words.length]} is missing: npx stockhold ${name} ${parameters}`)
  if (words.length > all.length)
    throw new BadUsage(`${JSON.stringify(words[all.length])} is one word too many`)
}
