/**
 * PostgreSQL's text holds every character but U+0000, and our ids may have that too. This one,
 * which hardly anybody uses, leads an escape.
 */
const ESCAPE = '\u2400'

/**
 * As PostgreSQL can hold it: U+0000 becomes `␀0`, and `␀` itself `␀␀`. Anything else stays as it
 * is.
 */
export function toText(value: string): string {
  if (!value.includes('\0') && !value.includes(ESCAPE)) return value
  return value.replaceAll(ESCAPE, ESCAPE + ESCAPE).replaceAll('\0', `${ESCAPE}0`)
}

export function fromText(value: string): string {
  if (!value.includes(ESCAPE)) return value
  return value.replace(/\u2400(.)/gu, (_, next) => (next === '0' ? '\0' : ESCAPE))
}

/** The name of a schema, quoted: whatever is in it, it stays a name. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/**
 * An array as PostgreSQL reads it. The driver writes one, too, but asks of each value what it may
 * be; and a page of events has some twenty thousand.
 */
export function arrayOf(values: readonly (string | number | boolean | null)[]): string {
  let text = ''
  for (const value of values) {
    if (text !== '') text += ','
    if (typeof value !== 'string') text += value === null ? 'NULL' : value
    else text += value.includes('"') || value.includes('\\') ? escaped(value) : `"${value}"`
  }
  return `{${text}}`
}

const escaped = (value: string) => `"${value.replace(/["\\]/g, '\\$&')}"`
