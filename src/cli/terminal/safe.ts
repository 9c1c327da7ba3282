/**
 * Control characters, line separators, and marks that change the direction of what follows. A name
 * that a terminal carries out could move the cursor, hide lines, or set the clipboard.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is replaced
const unsafe = /[\0-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]|\p{Surrogate}/gu

const escaped = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`

/** A text from elsewhere, as a terminal may get it: `\u001b` in place of an escape. */
export function safe(text: string): string {
  return text.replace(unsafe, escaped)
}

/** A value as one line of JSON that a terminal may get. It means the same as without escapes. */
export function safeJson(value: unknown): string {
  return safe(JSON.stringify(value))
}
