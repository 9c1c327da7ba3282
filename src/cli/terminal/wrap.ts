import { beginningOf, columnsOf } from './width.js'

/**
 * A plain text as lines of at most this width, broken between words; a word that is longer is cut.
 */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (let word of text.split(' ')) {
    if (line !== '' && columnsOf(line) + 1 + columnsOf(word) > width) {
      lines.push(line)
      line = ''
    }
    while (columnsOf(word) > width) {
      const beginning = beginningOf(word, width)
      lines.push(beginning)
      word = word.slice(beginning.length)
    }
    line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line]
}

/** A text behind a heading, with its further lines indented below it. */
export function hanging(heading: string, headingWidth: number, text: string, width: number): string[] {
  const indent = ' '.repeat(headingWidth)
  return wrap(text, Math.max(20, width - headingWidth)).map(
    (line, index) => (index === 0 ? heading : indent) + line,
  )
}
