/**
 * Checks that a value read from a file has the shape its reader relies on. Further members are
 * allowed.
 */
export type Shape = (value: unknown, at: string) => void

/** What is wrong, and where in the value. */
export class Misshapen extends Error {
  constructor(at: string, rule: string) {
    super(`${at === '' ? 'it' : at} must be ${rule}`)
  }
}

const rule =
  (text: string, holds: (value: unknown) => boolean): Shape =>
  (value, at) => {
    if (!holds(value)) throw new Misshapen(at, text)
  }

export const text = rule('a text', (value) => typeof value === 'string')
export const flag = rule('true or false', (value) => typeof value === 'boolean')
/** JSON knows neither NaN nor Infinity: it would turn them into null. */
export const finite = rule('a finite number', (value) => Number.isFinite(value))

export const oneOf = (...allowed: readonly unknown[]) =>
  rule(allowed.map((value) => JSON.stringify(value)).join(' or '), (value) => allowed.includes(value))

export const optional =
  (shape: Shape): Shape =>
  (value, at) => {
    if (value !== undefined) shape(value, at)
  }

export const orNull =
  (shape: Shape): Shape =>
  (value, at) => {
    if (value !== null) shape(value, at)
  }

export const either =
  (one: Shape, other: Shape, name: string): Shape =>
  (value, at) => {
    for (const shape of [one, other]) {
      try {
        return shape(value, at)
      } catch {
        // The other one may fit.
      }
    }
    throw new Misshapen(at, name)
  }

export const list =
  (shape: Shape): Shape =>
  (value, at) => {
    if (!Array.isArray(value)) throw new Misshapen(at, 'a list')
    for (const [index, item] of value.entries()) shape(item, `${at}[${index}]`)
  }

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export const record =
  (members: Record<string, Shape>): Shape =>
  (value, at) => {
    if (!isRecord(value)) throw new Misshapen(at, 'an object')
    for (const [name, shape] of Object.entries(members))
      shape(value[name], at === '' ? name : `${at}.${name}`)
  }

export const dictionary =
  (shape: Shape): Shape =>
  (value, at) => {
    if (!isRecord(value)) throw new Misshapen(at, 'an object')
    for (const [name, inner] of Object.entries(value)) shape(inner, `${at}.${name}`)
  }

/** Further conditions on what already has a shape. */
export const and =
  (shape: Shape, ...further: readonly Shape[]): Shape =>
  (value, at) => {
    for (const check of [shape, ...further]) check(value, at)
  }
