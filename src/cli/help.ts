import type { Command, Option } from './command.js'
import { EXIT_CODES } from './exit-codes.js'
import { ASKING, HELP } from './options.js'
import { padded } from './terminal/width.js'
import { hanging, wrap } from './terminal/wrap.js'

/** Lines are no longer than this, however wide the terminal is: a pipe may end in a narrow one. */
const WIDEST = 80

/** The help of the whole program. */
export function helpOf(commands: readonly Command[], columns: number): string {
  const width = Math.min(columns, WIDEST)
  const sections = [...new Set(commands.map(({ section }) => section))]
  return [
    ...wrap('What an operator does with the sales and waiting rooms of a Redis.', width),
    '',
    '  npx stockhold COMMAND [options]',
    ...sections.flatMap((section) => [
      '',
      `${section}:`,
      ...rows(
        commands
          .filter((command) => command.section === section)
          .map(({ name, parameters, summary }) => [`${name} ${parameters}`.trim(), summary]),
        width,
      ),
    ]),
    '',
    ...wrap('An ID that is both a sale and a waiting room is written sale:ID or room:ID.', width),
    '',
    'Examples:',
    ...commands
      .flatMap(({ examples }) => examples.slice(0, 1))
      .slice(0, 4)
      .map(example),
    '',
    'Exit codes:',
    ...rows(Object.entries(EXIT_CODES), width),
    '',
    ...wrap('npx stockhold help COMMAND tells the options of a command, and --version the version.', width),
  ].join('\n')
}

/** The help of one command. */
export function helpOfCommand(command: Command, columns: number): string {
  const width = Math.min(columns, WIDEST)
  const { name, parameters, summary, details, options, examples } = command
  return [
    ...wrap(`${summary[0]!.toUpperCase()}${summary.slice(1)}.`, width),
    '',
    `  npx stockhold ${[name, parameters].filter((part) => part !== '').join(' ')} [options]`,
    ...(details === undefined ? [] : ['', ...wrap(details, width)]),
    '',
    ...rows(
      inOrder(options).map((option) => [optionText(option), option.help]),
      width,
    ),
    '',
    'Examples:',
    ...examples.map(example),
  ].join('\n')
}

/** A command's own options first. */
function inOrder(options: readonly Option[]): Option[] {
  const common = options.filter((option) => ASKING.includes(option))
  return [...options.filter((option) => !common.includes(option)), ...common, HELP]
}

const example = (text: string) => `  npx stockhold ${text}`

function optionText({ name, short, value }: Option): string {
  return `${short === undefined ? '' : `-${short}, `}--${name}${value === undefined ? '' : ` ${value}`}`
}

function rows(entries: readonly (readonly string[])[], width: number): string[] {
  const first = Math.max(...entries.map(([head]) => head!.length)) + 4
  return entries.flatMap(([head, text]) => hanging(padded(`  ${head}`, first), first, text!, width))
}
