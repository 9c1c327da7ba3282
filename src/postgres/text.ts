/**
 * PostgreSQL's text type holds every character but U+0000, which an id may contain. This rarely
 * used character begins an escape.
 */
const ESCAPE = '\u2400'

/**
 * Converts text for PostgreSQL: U+0000 becomes `␀0`, and `␀` itself `␀␀`. Anything else stays as it
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

/** The name of a schema, quoted: whatever it contains, it stays a name. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/**
 * An array in PostgreSQL's text form. The driver can write arrays too, but checks the type of each
 * value, and a page of events has some twenty thousand values.
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
