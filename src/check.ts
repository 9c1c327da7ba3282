import { invalid } from './errors.js'

/** Longest id in bytes of UTF-8. */
export const MAX_ID_BYTES = 256
/** Most units in one number; sums of a lifetime then stay far below 2^53, where numbers stop being exact. */
export const MAX_UNITS = 1_000_000_000
/** Longest time span, in ms: a year. */
export const MAX_SPAN_MS = 366 * 24 * 3_600_000

/** An id: a non-empty, well-formed string of at most 256 bytes. Taken as it is: NFC and NFD forms are different ids. */
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

/** An object that is no array; `what` says what it should hold. */
export function checkObject(value: unknown, argument: string, what: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid(argument, `must be an object ${what}, not ${kind(value)}`)
  }
  return value as Record<string, unknown>
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
  return typeof value === 'undefined' ? 'undefined' : `a ${typeof value}`
}
