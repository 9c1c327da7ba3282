import stringWidth from 'string-width'

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' })

/**
 * How many columns a terminal gives to a text: two to most characters of Chinese, none to colours.
 */
export function columnsOf(text: string): number {
  return /^[\x20-\x7e]*$/.test(text) ? text.length : stringWidth(text)
}

/** The beginning of a text without colours that fits into `columns`; at least one character. */
export function beginningOf(text: string, columns: number): string {
  if (columnsOf(text) <= columns) return text
  let beginning = ''
  let taken = 0
  for (const { segment } of graphemes.segment(text)) {
    taken += columnsOf(segment)
    if (taken > columns && beginning !== '') break
    beginning += segment
  }
  return beginning
}

/** A text without colours that is filled with spaces to a width. */
export function padded(text: string, columns: number, side: 'left' | 'right' = 'right'): string {
  const spaces = ' '.repeat(Math.max(0, columns - columnsOf(text)))
  return side === 'left' ? spaces + text : text + spaces
}
