import { invalid } from './errors.js'

/** Options with defaults applied: an option that is missing or `undefined` has its default. */
export type Filled<T> = { readonly [K in keyof T]-?: Exclude<T[K], undefined> }

/** Longest id in bytes of UTF-8. */
const MAX_ID_BYTES = 256
/**
 * The maximum of units in one number. Sums over a lifetime then stay far below 2^53, above which
 * numbers are not exact.
 */
export const MAX_UNITS = 1_000_000_000
/** Longest time span, in ms: a year. */
export const MAX_SPAN_MS = 366 * 24 * 3_600_000

/**
 * An id: a non-empty, well-formed string of at most 256 bytes. It is not normalized: NFC and NFD
 * forms are different ids.
 */
export function checkId(value: unknown, argument: string): string {
  if (typeof value !== 'string') throw invalid(argument, `must be a string, not ${kind(value)}`)
  if (value === '') throw invalid(argument, 'must not be empty')
  if (
    value.length > MAX_ID_BYTES ||
    (value.length > MAX_ID_BYTES / 3 && Buffer.byteLength(value) > MAX_ID_BYTES)
  ) {
    throw invalid(argument, `must have at most ${MAX_ID_BYTES} bytes of UTF-8`)
  }
  if (!value.isWellFormed()) throw invalid(argument, 'must be well-formed Unicode: it has a lone surrogate')
  return value
}

export function checkOptionalId(value: unknown, argument: string): string | null {
  return value === undefined ? null : checkId(value, argument)
}

/** A whole number within bounds; nothing is converted. */
export function checkInteger(value: unknown, argument: string, min: number, max: number): number {
  if (
    typeof value !== 'number' ||
    !Number.isInteger(value) ||
    Object.is(value, -0) ||
    value < min ||
    value > max
  ) {
    throw invalid(argument, `must be a whole number from ${min} to ${max}, not ${kind(value)}`)
  }
  return value
}

export function checkBoolean(value: unknown, argument: string): boolean {
  if (typeof value !== 'boolean') throw invalid(argument, `must be true or false, not ${kind(value)}`)
  return value
}

/** An object that is not an array; `what` describes its expected content. */
export function checkObject(value: unknown, argument: string, what: string): Record<string, unknown> {
  if (!isObject(value)) throw invalid(argument, `must be an object ${what}, not ${kind(value)}`)
  return value
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The names an object of options may have: the compiler keeps them in step with its type. */
export type Names<T> = Readonly<Record<keyof T, true>>

/** Checks an object of options, and rejects unknown ones: a mistyped option must not be ignored. */
export function checkOptions<T extends object>(
  value: unknown,
  argument: string,
  known: Names<T>,
): { readonly [K in keyof T]: unknown } {
  // Every call passes here: the list of names is only made for a message.
  const given = isObject(value)
    ? value
    : checkObject(value, argument, `with ${Object.keys(known).join(', ')}`)
  for (const name in given)
    if (!Object.hasOwn(known, name) || !known[name as keyof T]) throw unknownName(name, argument, known)
  return given as { readonly [K in keyof T]: unknown }
}

function unknownName(name: string, argument: string, known: object): Error {
  const names = Object.keys(known)
  const near = nearest(name, names)
  const shown = JSON.stringify(name.length > 40 ? `${name.slice(0, 40)}…` : name)
  const advice = near === undefined ? '' : ` Did you mean ${JSON.stringify(near)}?`
  return invalid(argument, `must not have ${shown}.${advice} It may have: ${names.join(', ')}.`)
}

/** The known name closest to a mistyped one, if any is close enough. */
export function nearest(name: string, names: readonly string[]): string | undefined {
  const given = name.slice(0, 40).toLowerCase()
  let found: string | undefined
  let least = Number.POSITIVE_INFINITY
  for (const one of names) {
    const other = one.toLowerCase()
    const edits = editDistance(given, other)
    // A slip of one letter comes before a name that is longer or shorter, such as `hold`, `holdMs`.
    const cost = isPartOf(given, other) || isPartOf(other, given) ? Math.min(edits, 1.5) : edits
    if (cost < least && cost <= Math.max(given.length, other.length) / 2) {
      found = one
      least = cost
    }
  }
  return found
}

/** Names of two letters, such as `as`, are part of many others by chance. */
function isPartOf(part: string, whole: string): boolean {
  return part.length > 2 && whole.includes(part)
}

/**
 * How many characters to insert, delete or replace to turn one text into the other (Levenshtein).
 */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      next[j] = Math.min(replaced, row[j]! + 1, next[j - 1]! + 1)
    }
    row = next
  }
  return row[b.length]!
}

/**
 * 2001-01-01: earlier times are seconds mistaken for milliseconds, or a clock that was never set.
 */
const FIRST_MOMENT = 978_307_200_000
/** Last moment of the year 9999: later ones are microseconds mistaken for milliseconds. */
const LAST_MOMENT = 253_402_300_799_999

/** A moment as epoch ms, from a Date or epoch ms. */
export function checkMoment(value: unknown, argument: string): number {
  const ms = value instanceof Date ? value.getTime() : value
  if (typeof ms === 'number' && ms >= 0 && ms < FIRST_MOMENT)
    throw invalid(argument, `must be a Date or epoch ms after 2000, not ${ms}. Is it in seconds?`)
  return checkInteger(ms, argument, FIRST_MOMENT, LAST_MOMENT)
}

/** The option of every call that can be aborted. */
export interface SignalOption {
  /**
   * Ends the wait. If the request has not been sent, nothing is sent, and the call rejects with the
   * signal's reason. Otherwise it rejects with UNKNOWN_OUTCOME, since it may have been executed.
   */
  signal?: AbortSignal | undefined
}

const SIGNAL: Names<SignalOption> = { signal: true }

/** The signal of a call that takes no other option. */
export function checkSignalOption(options: unknown): AbortSignal | undefined {
  return options === undefined ? undefined : checkSignal(checkOptions(options, 'options', SIGNAL).signal)
}

export function checkSignal(value: unknown): AbortSignal | undefined {
  if (value === undefined || value instanceof AbortSignal) return value
  throw invalid('signal', `must be an AbortSignal, not ${kind(value)}`)
}

/** A short description for a message; the value itself could be anything, of any length. */
function kind(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value)
  if (typeof value === 'undefined') return 'undefined'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}
