/**
 * One record of a file: its fields, or why it has none. `line` is the line it begins on, counted
 * from 1.
 */
export type CsvRecord =
  | { readonly line: number; readonly fields: readonly string[] }
  | { readonly line: number; readonly error: string }

/**
 * Reads CSV (RFC 4180): fields in quotes may hold separators, line ends and doubled quotes; lines
 * end with LF, CRLF or CR. A quote inside an unquoted field is a character like any other. A broken
 * record costs its first line alone: reading goes on behind it, so that an unclosed quote does not
 * swallow the rest of the file.
 */
export function* csvRecords(text: string, separator: string): Generator<CsvRecord> {
  let line = 1
  let at = text.startsWith('\ufeff') ? 1 : 0
  while (at < text.length) {
    const { fields, error, next } = readRecord(text, at, separator)
    const end = error === undefined ? next : afterLine(text, at)
    const empty = fields.length === 1 && fields[0]!.trim() === ''
    if (error !== undefined) yield { line, error }
    else if (!empty) yield { line, fields }
    line += text.slice(at, end).match(/\r\n|\n|\r/g)?.length ?? 0
    at = end
  }
}

interface Reading {
  readonly fields: string[]
  readonly error?: string
  readonly next: number
}

function readRecord(text: string, start: number, separator: string): Reading {
  const fields: string[] = []
  let at = start
  for (;;) {
    if (text[at] === '"') {
      const quoted = readQuoted(text, at)
      if (quoted === undefined) return { fields, error: 'a quote is opened and not closed', next: at }
      fields.push(quoted.value)
      at = quoted.next
    } else {
      const from = at
      while (at < text.length && text[at] !== separator && !isLineEnd(text[at])) at++
      fields.push(text.slice(from, at))
    }
    if (at >= text.length || isLineEnd(text[at])) return { fields, next: afterLine(text, at) }
    if (text[at] !== separator) return { fields, error: 'something follows a closing quote', next: at }
    at++
  }
}

function readQuoted(text: string, start: number): { value: string; next: number } | undefined {
  let end = start + 1
  for (;;) {
    end = text.indexOf('"', end)
    if (end === -1) return undefined
    if (text[end + 1] !== '"') break
    end += 2
  }
  return { value: text.slice(start + 1, end).replaceAll('""', '"'), next: end + 1 }
}

function isLineEnd(character: string | undefined): boolean {
  return character === '\n' || character === '\r'
}

/** Where the line after this place begins. */
function afterLine(text: string, from: number): number {
  let at = from
  while (at < text.length && !isLineEnd(text[at])) at++
  return at + (text[at] === '\r' && text[at + 1] === '\n' ? 2 : 1)
}
