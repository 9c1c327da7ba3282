import { bar } from '../../../src/cli/terminal/charts.js'
import { duration, number } from '../../../src/cli/terminal/format.js'
import { clip, type Terminal } from '../../../src/cli/terminal/style.js'
import { redact } from '../redact.js'
import { Rate } from './rate.js'

const LIVE_MS = 125
const PLAIN_MS = 1_000

/** Shows how far a long piece of work is. */
export interface Progress {
  /** @param done Of `total`, both in `unit`; the rate and the time left follow from it. */
  update(label: string, done: number, total: number, unit?: string): void
  /** Prints a line that stays. */
  note(line: string): void
}

interface State {
  readonly label: string
  readonly done: number
  readonly total: number
  readonly unit: string
}

/**
 * Progress in one line: redrawn in place on a terminal, printed once a second elsewhere. An update
 * only stores the state, however often it is called, so that showing progress does not slow down
 * what is measured.
 */
export class ProgressLine implements Progress {
  readonly #name: string
  readonly #terminal: Terminal
  readonly #stream: NodeJS.WriteStream
  readonly #timer: NodeJS.Timeout
  readonly #rate = new Rate()
  #state: State | undefined
  #printed: State | undefined

  constructor(name: string, terminal: Terminal, stream: NodeJS.WriteStream) {
    this.#name = name
    this.#terminal = terminal
    this.#stream = stream
    this.#timer = setInterval(() => this.#show(), terminal.live ? LIVE_MS : PLAIN_MS).unref()
  }

  update(label: string, done: number, total: number, unit = ''): void {
    if (this.#state?.label !== label || done < this.#state.done) this.#rate.restart()
    this.#state = { label, done, total, unit }
  }

  note(line: string): void {
    this.#erase()
    this.#stream.write(`${redact(line)}\n`)
    if (this.#terminal.live) this.#show()
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#erase()
  }

  #show(): void {
    const state = this.#state
    if (state === undefined) return
    this.#rate.sample(state.done)
    if (this.#terminal.live) {
      // One column stays free: terminals differ in what a full line does.
      const width = (this.#stream.columns ?? 80) - 1
      this.#stream.write(`\r${clip(this.#line(state, width), width)}\x1b[K`)
    } else if (state !== this.#printed) {
      this.#printed = state
      this.#stream.write(`${this.#line(state)}\n`)
    }
  }

  #erase(): void {
    if (this.#terminal.live) this.#stream.write('\r\x1b[K')
  }

  /** With a bar if there is a width to fill. */
  #line({ label, done, total, unit }: State, width?: number): string {
    const share = total > 0 ? Math.min(1, done / total) : 0
    const perSecond = this.#rate.perSecond()
    const left = perSecond ? Math.max(0, total - done) / perSecond : undefined
    const percent = `${Math.floor(share * 100)} %`.padStart(5)
    const rate = !perSecond ? '' : `${number(round(perSecond))}${unit === '' ? '' : ` ${unit}`}/s`
    const rest = left === undefined ? '' : `${timeLeft(left)} left`
    const { paint } = this.#terminal
    const name = redact(label)
    if (width === undefined) {
      return [`${this.#name}: ${name}`, percent.trim(), rate, share < 1 && rest].filter(Boolean).join(', ')
    }
    // The widths do not depend on the figures, so that nothing jumps.
    const behind = `${percent}  ${rate.padEnd(18)} ${(share < 1 ? rest : '').padEnd(15)}`.trimEnd()
    const room = width - this.#name.length - 2 - 2 - 7 - 19 - 15
    const labelWidth = Math.min([...name].length, Math.max(12, room - 10))
    const barWidth = Math.max(4, Math.min(30, room - labelWidth))
    return `${paint('bold', this.#name)}  ${clip(name, labelWidth)}  ${paint('cyan', bar(share, barWidth))}${behind}`
  }
}

/** Three significant digits: further digits would only flicker. */
function round(value: number): number {
  return value < 1 ? value : Number(value.toPrecision(3))
}

function timeLeft(seconds: number): string {
  const whole = Math.max(1, Math.round(seconds))
  return whole < 60 ? `${whole} s` : duration(whole)
}
