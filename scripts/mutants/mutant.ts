/** One change of one source file: `text.slice(start, end)` becomes `replacement`. */
export interface Change {
  readonly start: number
  readonly end: number
  readonly replacement: string
  /** The kind of change; stable, part of the id. */
  readonly kind: string
}

export interface Mutant extends Change {
  /** `file:line:column:kind`, with lines and columns from 1. */
  readonly id: string
  /** From the root of the repository, with `/`. */
  readonly file: string
  readonly line: number
  /** The changed lines, before and after the change. */
  readonly before: string
  readonly after: string
}

/** The mutants of a file in order of place, then of kind, without changes that change nothing. */
export function mutantsOf(file: string, text: string, changes: readonly Change[]): Mutant[] {
  const mutants = new Map<string, Mutant>()
  const inOrder = changes.toSorted((a, b) => a.start - b.start || (a.kind < b.kind ? -1 : 1))
  for (const change of inOrder) {
    const { start, end, replacement, kind } = change
    if (text.slice(start, end) === replacement) continue
    const line = text.slice(0, start).split('\n').length
    const from = text.lastIndexOf('\n', start - 1) + 1
    const to = text.indexOf('\n', end) < 0 ? text.length : text.indexOf('\n', end)
    const before = text.slice(from, to)
    const after = text.slice(from, start) + replacement + text.slice(end, to)
    const id = `${file}:${line}:${start - from + 1}:${kind}`
    const shown = { before: trimmed(before), after: trimmed(after) || `(without ${trimmed(before)})` }
    mutants.set(id, { ...change, id, file, line, ...shown })
  }
  return [...mutants.values()]
}

export function mutate(text: string, { start, end, replacement }: Change): string {
  return text.slice(0, start) + replacement + text.slice(end)
}

/** Lines joined into one, as reports and explanations show them. */
function trimmed(lines: string): string {
  return lines
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .join(' ')
}
