import { styleText } from 'node:util'
import { beginningOf, columnsOf } from './width.js'

export type Paint = (style: 'bold' | 'dim' | 'green' | 'red' | 'yellow' | 'cyan', text: string) => string

export const plain: Paint = (_style, text) => text
const coloured: Paint = (style, text) => styleText(style, text, { validateStream: false })

export interface Terminal {
  /** Whether lines can be redrawn in place. */
  readonly live: boolean
  readonly paint: Paint
}

/**
 * What the stream can show: a pipe, a file and a dumb terminal get plain lines; NO_COLOR only
 * switches colours off.
 */
export function terminalOf(stream: { readonly isTTY?: boolean }, env: NodeJS.ProcessEnv): Terminal {
  const live = stream.isTTY === true && env.TERM !== 'dumb'
  return { live, paint: live && !env.NO_COLOR ? coloured : plain }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: it is the control characters that take no room
const escapes = /\x1b\[[\d;?]*[A-Za-z]/g

/** Cuts a line to a width; the escape sequences behind the cut stay, so that no colour runs on. */
export function clip(line: string, width: number): string {
  if (columnsOf(line) <= width) return line
  let room = width - 1
  let clipped = ''
  let at = 0
  for (const { 0: sequence, index } of line.matchAll(escapes)) {
    const text = cut(line.slice(at, index), room)
    room -= columnsOf(text)
    clipped += text + sequence
    at = index + sequence.length
  }
  return `${clipped}${cut(line.slice(at), room)}…`
}

function cut(text: string, columns: number): string {
  const beginning = beginningOf(text, columns)
  return columnsOf(beginning) > columns ? '' : beginning
}
