/**
 * Readers of JSON that another process, of this version or another, has written. What does not have
 * the expected form is `undefined`, and its reader passes over it.
 */
export type Fields = Readonly<Record<string, unknown>>

/** The fields of a JSON object. */
export function fieldsOf(text: string): Fields | undefined {
  try {
    return asFields(JSON.parse(text))
  } catch {
    return undefined
  }
}

export function asFields(value: unknown): Fields | undefined {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
  return isObject ? (value as Fields) : undefined
}

/** A text of 1 to `longest` characters. */
export function asText(value: unknown, longest = 256): string | undefined {
  return typeof value === 'string' && value.length > 0 && value.length <= longest ? value : undefined
}

/** A whole number from 0 on. */
export function asCount(value: unknown): number | undefined {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : undefined
}

/** A number from 0 on. */
export function asAmount(value: unknown): number | undefined {
  return typeof value === 'number' && value >= 0 && value < Number.POSITIVE_INFINITY ? value : undefined
}

/** The items that can be read; at most `most`. */
export function asList<T>(value: unknown, read: (item: unknown) => T | undefined, most = 256): T[] {
  if (!Array.isArray(value)) return []
  return value.slice(0, most).flatMap((item) => {
    const known = read(item)
    return known === undefined ? [] : [known]
  })
}

/** The fields whose values can be read. */
export function asTable<T>(value: unknown, read: (item: unknown) => T | undefined): Record<string, T> {
  const entries = Object.entries(asFields(value) ?? {}).flatMap(([name, item]) => {
    const known = read(item)
    return known === undefined ? [] : [[name, known] as const]
  })
  return Object.fromEntries(entries)
}

/** The values, if all of them could be read. */
export function whole<T extends object>(
  values: { readonly [K in keyof T]: T[K] | undefined },
): T | undefined {
  return Object.values(values).includes(undefined) ? undefined : (values as T)
}
