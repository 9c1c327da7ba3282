import { clip, type Terminal } from '../../../src/cli/terminal/style.js'

/** What a tool shows while it runs. */
export interface View {
  /** The panel of a live terminal, for this many columns. */
  panel(width: number): string[]
  /** The same in one line, for a pipe or a file. */
  line(): string
}

const LIVE_MS = 125
const PLAIN_MS = 1_000

/** A panel redrawn in place on a terminal; elsewhere one line a second, if it has changed. */
export class LivePanel {
  readonly #view: View
  readonly #header: readonly string[]
  readonly #stream: NodeJS.WriteStream
  readonly #live: boolean
  readonly #restore = () => this.#stream.write('\x1b[?25h')
  readonly #draw = () => this.#redraw()
  readonly #resize = () => this.#startOver()
  #timer: NodeJS.Timeout | undefined
  #drawn = 0
  #printed = ''

  /** @param header Lines above the panel that never change. */
  constructor(view: View, header: readonly string[], terminal: Terminal, stream: NodeJS.WriteStream) {
    this.#view = view
    this.#header = header
    this.#stream = stream
    this.#live = terminal.live
  }

  start(): void {
    this.#stream.write(this.#header.map((line) => `${line}\n`).join(''))
    if (this.#live) {
      this.#stream.write('\x1b[?25l')
      // The cursor comes back however the process ends.
      process.once('exit', this.#restore)
      this.#stream.on('resize', this.#resize)
      this.#redraw()
    }
    this.#timer = this.#live ? setInterval(this.#draw, LIVE_MS) : setInterval(() => this.#print(), PLAIN_MS)
    this.#timer.unref()
  }

  /** Shows the last state, which stays on the terminal. */
  stop(): void {
    clearInterval(this.#timer)
    if (!this.#live) {
      this.#print()
      return
    }
    this.#redraw()
    this.#stream.off('resize', this.#resize)
    process.off('exit', this.#restore)
    this.#restore()
  }

  #print(): void {
    const line = this.#view.line()
    if (line !== this.#printed) this.#stream.write(`${line}\n`)
    this.#printed = line
  }

  #redraw(): void {
    const { columns = 80, rows = 24 } = this.#stream
    // One column stays free: terminals differ in what a full line does.
    const width = Math.max(1, columns - 1)
    const lines = this.#view.panel(width).slice(0, Math.max(1, rows - 1))
    const up = this.#drawn > 0 ? `\x1b[${this.#drawn}A\r` : ''
    // In one write and each line over the old one, so that nothing flickers.
    this.#stream.write(`${up}${lines.map((line) => `${clip(line, width)}\x1b[K\n`).join('')}\x1b[J`)
    this.#drawn = lines.length
  }

  /** Clears the screen after a resize, since terminals wrap the old lines in different ways. */
  #startOver(): void {
    this.#stream.write(`\x1b[H\x1b[J${this.#header.map((line) => `${line}\n`).join('')}`)
    this.#drawn = 0
    this.#redraw()
  }
}
