import { type Paint, terminalOf } from './terminal/style.js'
import { terminalTable } from './terminal/table.js'
import { beginningOf, columnsOf } from './terminal/width.js'

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
    const { live, paint } = terminalOf(output, env)
    this.live = live
    this.paint = paint
  }

  /** Columns for whole lines; without a terminal lines are of any length. */
  get width(): number {
    return this.#output.isTTY ? this.#output.columns || 80 : Number.POSITIVE_INFINITY
  }

  line(text: string): void {
    this.end()
    this.#output.write(`${text}\n`)
  }

  /** Rows with a heading, as the width allows; see {@link terminalTable}. */
  table(
    columns: readonly string[],
    rows: readonly (readonly (string | number)[])[],
    decorate?: (cell: string, column: number) => string,
  ): void {
    for (const line of terminalTable({ title: '', columns, rows }, this.width, this.paint, decorate))
      this.line(line)
  }

  /** Redraws the line. `head` is always shown whole, `text` is cut to the width of the terminal. */
  redraw(head: string, text: string): void {
    // One column stays free: terminals differ in how they treat a line that fills the whole width.
    const room = (this.#output.columns || 80) - 1 - columnsOf(head)
    this.#output.write(`\r${head}${room > 0 ? beginningOf(text, room) : ''}\x1b[K`)
    this.#open = true
  }

  /** Leaves the redrawn line on the screen. */
  end(): void {
    if (this.#open) this.#output.write('\n')
    this.#open = false
  }
}
