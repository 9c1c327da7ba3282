/** What the files of a repository break of the rules for lines, one complaint for each. */
const LONGEST_FILE = 350
const WIDEST_COMMENT = 100
const COMMENT = /^(\s*(?:\/\/|\/\*\*?|\*)\s*)(.*)$/
const LUA_COMMENT = /^(\s*--\s*)(.*)$/

/** @param file Relative to the repository. */
export function lineFaults(file: string, text: string): string[] {
  const lines = text.replace(/\n$/, '').split('\n')
  const faults: string[] = []
  if (file.startsWith('src/') && lines.length > LONGEST_FILE)
    faults.push(`${file}: has ${lines.length} lines, and a file of src has at most ${LONGEST_FILE}.`)
  for (const [index, line] of lines.entries()) {
    if (isWideComment(line, file.endsWith('.lua') ? LUA_COMMENT : COMMENT))
      faults.push(`${file}:${index + 1}: wrap comments at ${WIDEST_COMMENT} columns.`)
  }
  return faults
}

/**
 * A line that is a comment and nothing else. Rows of tables, directives, and words that are longer
 * by themselves, cannot be wrapped.
 */
function isWideComment(line: string, comment: RegExp): boolean {
  if (line.length <= WIDEST_COMMENT) return false
  const [, start, text] = comment.exec(line) ?? []
  if (start === undefined || text === undefined || /^\||^biome-ignore /.test(text)) return false
  return text.lastIndexOf(' ', WIDEST_COMMENT - start.length) > 0
}
