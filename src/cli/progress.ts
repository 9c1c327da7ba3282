import type { CheckProgress } from '../testing/check-no-oversell.js'
import type { Screen } from './screen.js'

const LIVE_MS = 100
const PLAIN_MS = 2_000
const BAR = 24

/**
 * Shows the progress of the check: a redrawn line on a terminal, else a new line every two seconds.
 */
export class Progress {
  readonly #screen: Screen
  readonly #runs: number
  readonly #begun = performance.now()
  #latest: CheckProgress = { runs: 0, commands: 0, shrinks: 0 }
  #shownAt = Number.NEGATIVE_INFINITY

  constructor(screen: Screen, runs: number) {
    this.#screen = screen
    this.#runs = runs
  }

  get seconds(): number {
    return (performance.now() - this.#begun) / 1_000
  }

  get latest(): CheckProgress {
    return this.#latest
  }

  update(latest: CheckProgress): void {
    // Report a violation at once.
    const isNews = latest.shrinks > 0 && this.#latest.shrinks === 0
    this.#latest = latest
    const now = performance.now()
    if (!isNews && now - this.#shownAt < (this.#screen.live ? LIVE_MS : PLAIN_MS)) return
    this.#shownAt = now
    this.#show()
  }

  /** Leaves the last state on the screen. */
  stop(): void {
    this.#show()
    this.#screen.end()
  }

  #show(): void {
    const { live, paint } = this.#screen
    const { runs, commands, shrinks } = this.#latest
    const rate = Math.round(commands / Math.max(0.001, this.seconds))
    const figures = `${count(runs)} of ${count(this.#runs)} stories, ${count(commands)} requests, ${count(rate)}/s`
    const found = shrinks > 0 ? `, a rule is broken, smaller stories tried: ${count(shrinks)}` : ''
    if (!live) {
      this.#screen.line(figures + found)
      return
    }
    const full = Math.round((runs / this.#runs) * BAR)
    const bar = paint(shrinks > 0 ? 'red' : 'green', '█'.repeat(full) + '░'.repeat(BAR - full))
    this.#screen.redraw(`${bar} `, figures + found)
  }
}

export function count(value: number): string {
  return value.toLocaleString('en-US')
}
