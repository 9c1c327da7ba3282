/** The changes of an operator by its text in either language, and the name of each change. */
export interface Swap {
  readonly into: string
  readonly kind: string
}

const negate = (into: string): Swap => ({ into, kind: 'negate' })
const boundary = (into: string): Swap => ({ into, kind: 'boundary' })
const swap = (into: string): Swap => ({ into, kind: 'operator' })

/** A comparison is negated, and its case of equality is changed. */
const shared: Readonly<Record<string, readonly Swap[]>> = {
  '<': [boundary('<='), negate('>=')],
  '<=': [boundary('<'), negate('>')],
  '>': [boundary('>='), negate('<=')],
  '>=': [boundary('>'), negate('<')],
  '+': [swap('-')],
  '-': [swap('+')],
  '*': [swap('/')],
  '/': [swap('*')],
  '%': [swap('*')],
}

export const luaOperators: Readonly<Record<string, readonly Swap[]>> = {
  ...shared,
  '==': [negate('~=')],
  '~=': [negate('==')],
  and: [swap('or')],
  or: [swap('and')],
}

export const typescriptOperators: Readonly<Record<string, readonly Swap[]>> = {
  ...shared,
  '===': [negate('!==')],
  '!==': [negate('===')],
  '&&': [swap('||')],
  '||': [swap('&&')],
  '+=': [swap('-=')],
  '-=': [swap('+=')],
  '++': [swap('--')],
  '--': [swap('++')],
  '|': [swap('&')],
  '&': [swap('|')],
  '<<': [swap('>>')],
  '>>': [swap('<<')],
  '??=': [swap('=')],
}

/**
 * The neighbours of a whole number, without negative numbers, which would be another kind of
 * mistake.
 */
export function neighbours(text: string): readonly Swap[] {
  const digits = text.replaceAll('_', '')
  if (!/^\d+$/.test(digits)) return []
  const value = Number(digits)
  const more = { into: String(value + 1), kind: 'constant+1' }
  return value === 0 ? [more] : [more, { into: String(value - 1), kind: 'constant-1' }]
}

export const opposites: Readonly<Record<string, string>> = {
  true: 'false',
  false: 'true',
  min: 'max',
  max: 'min',
}
