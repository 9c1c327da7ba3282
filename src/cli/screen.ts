import { styleText } from 'node:util'

export type Paint = (style: 'bold' | 'green' | 'red', text: string) => string

/** Where the output goes: a terminal, or another stream of lines. */
export interface Output {
  write(text: string): unknown
  readonly isTTY?: boolean
  readonly columns?: number
}

/** Writes lines, and on a terminal one redrawn line below them. */
export class Screen {
  readonly live: boolean
  readonly paint: Paint
  readonly #output: Output
  #open = false

  /** A pipe, a file and a dumb terminal get plain lines; NO_COLOR only switches off the colours. */
  constructor(output: Output, env: NodeJS.ProcessEnv) {
    this.#output = output
    this.live = output.isTTY === true && env.TERM !== 'dumb'
    const coloured = this.live && !env.NO_COLOR
    this.paint = (style, text) => (coloured ? styleText(style, text, { validateStream: false }) : text)
  }

  line(text: string): void {
    this.end()
    this.#output.write(`${text}\n`)
  }

  /** Redraws the line. `head` is always shown whole, `text` is cut to the width of the terminal. */
  redraw(head: string, text: string): void {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: it is the control characters that take no room
    const taken = head.replace(/\x1b\[\d*m/g, '').length
    // One column stays free: terminals differ in how they treat a line that fills the whole width.
    const room = Math.max(0, (this.#output.columns || 80) - 1 - taken)
    this.#output.write(`\r${head}${text.slice(0, room)}\x1b[K`)
    this.#open = true
  }

  /** Leaves the redrawn line on the screen. */
  end(): void {
    if (this.#open) this.#output.write('\n')
    this.#open = false
  }
}
