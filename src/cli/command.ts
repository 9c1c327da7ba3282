import { nearest } from '../validation.js'
import type { Output } from './screen.js'

/** A mistake in the command line. */
export class BadUsage extends Error {}

/** What is typed: lines, or single keys if it can be switched to these. */
export interface Input extends NodeJS.ReadableStream {
  readonly isTTY?: boolean
  setRawMode?(raw: boolean): unknown
}

/** What a run of the program has around it. */
export interface Surroundings {
  readonly output: Output
  readonly errors: Output
  readonly env: NodeJS.ProcessEnv
  /** Where questions are answered. @default no answer can be given */
  readonly input?: Input | undefined
}

/** An option, for parsing, help and completion alike. */
export interface Option {
  readonly name: string
  readonly short?: string
  /** What stands for its value in the help; missing for a flag. */
  readonly value?: string
  /** It may be given again. */
  readonly many?: true
  readonly help: string
  /** The name that the library has for it, if that does not follow from `name`. */
  readonly argument?: string
}

/** A command, for parsing, help and completion alike. */
export interface Command {
  readonly name: string
  /** Of the list of commands in the help. */
  readonly section: string
  /** Such as `SALE SKU [QUANTITY]`. */
  readonly parameters: string
  readonly summary: string
  readonly details?: string
  readonly options: readonly Option[]
  /** Without `npx stockhold`. */
  readonly examples: readonly string[]
  /** Returns the exit code. */
  readonly run: (given: Given, surroundings: Surroundings) => Promise<number>
}

/**
 * A message of the library in the words of the command line: `--max-hold` in place of `maxHoldMs`.
 * Names of rules that are given as JSON stay.
 */
export function asTyped(message: string, { options, parameters }: Command): string {
  if (message.includes('must not have')) return message
  const words = parameters.split(' ').map((parameter) => parameter.replace(/[[\]]/g, ''))
  const names = [
    ['target', words[0]!],
    ...words.map((word) => [camel(word.toLowerCase().replaceAll('_', '-')), word]),
    ...options.map(({ name, value, argument }) => [
      argument ?? camel(name) + (value === 'SPAN' ? 'Ms' : ''),
      `--${name}`,
    ]),
  ] as [argument: string, typed: string][]
  return names.reduce((told, [argument, typed]) => {
    // A name such as `key` is a word of the language too: it is a name where the message begins.
    const isWord = /^[a-z]+$/.test(argument)
    const name = isWord ? `^${argument}(\\[\\d+\\])?(?=[ .[])` : `\\b(everywhere\\.)?${argument}\\b`
    return told.replace(new RegExp(name, isWord ? '' : 'g'), typed)
  }, message)
}

function camel(name: string): string {
  return name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase())
}

/** The arguments of a command. The methods throw `BadUsage` with the rule that an option breaks. */
export class Given {
  constructor(
    readonly words: readonly string[],
    private readonly values: Readonly<Record<string, readonly (string | boolean)[] | undefined>>,
  ) {}

  /** The options as they were given, for a parser of another kind. */
  arguments(): string[] {
    return Object.entries(this.values).flatMap(([name, all]) =>
      all!.flatMap((value) => (typeof value === 'string' ? [`--${name}=${value}`] : [`--${name}`])),
    )
  }

  /** A parameter that must be there: the parser has counted them. */
  word(index: number): string {
    return this.words[index]!
  }

  flag(name: string): boolean {
    return this.values[name] !== undefined
  }

  all(name: string): readonly string[] {
    return (this.values[name] ?? []) as readonly string[]
  }

  text(name: string): string | undefined {
    return this.all(name)[0]
  }

  whole(name: string, least: number, most: number): number | undefined {
    const text = this.text(name)
    return text === undefined ? undefined : wholeOf(text, `--${name}`, least, most)
  }

  oneOf<C extends string>(name: string, choices: readonly C[]): C | undefined {
    const text = this.text(name)
    const found = choices.find((choice) => choice === text)
    if (text !== undefined && found === undefined)
      throw new BadUsage(`--${name} must be ${choices.join(' or ')}`)
    return found
  }

  /** A moment with its time zone, or epoch ms. */
  moment(name: string): number | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    if (/^\d{12,15}$/.test(text)) return Number(text)
    const isZoned = /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,3})?)?)(Z|[+-]\d\d:\d\d)$/.test(text)
    const ms = isZoned ? Date.parse(text.replace(' ', 'T')) : Number.NaN
    if (Number.isNaN(ms))
      throw new BadUsage(
        `--${name} must be a time with its zone, such as 2026-11-11T20:00:00+08:00, or epoch ms`,
      )
    return ms
  }

  /** A span such as `90s`, in ms. */
  span(name: string): number | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    const [, digits, unit] = /^(\d{1,12})(ms|s|m|h|d)$/.exec(text) ?? []
    if (digits === undefined)
      throw new BadUsage(`--${name} must be a span such as 500ms, 90s, 10m, 2h or 14d`)
    return Number(digits) * UNITS[unit as keyof typeof UNITS]
  }
}

const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

export function wholeOf(text: string, name: string, least: number, most: number): number {
  const value = /^-?\d{1,15}$/.test(text) ? Number(text) : Number.NaN
  if (!(value >= least && value <= most))
    throw new BadUsage(`${name} must be a whole number from ${least} to ${most}`)
  return value
}

/** Advice such as ` Did you mean "list"?`, or ` Did you mean --json?`; '' if no name is near. */
export function didYouMean(name: string, names: readonly string[], prefix = ''): string {
  const near = nearest(name, names)
  if (near === undefined) return ''
  return ` Did you mean ${prefix === '' ? JSON.stringify(near) : prefix + near}?`
}
