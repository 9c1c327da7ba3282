import { bar } from '../../src/cli/terminal/charts.js'
import { counted, duration } from '../../src/cli/terminal/format.js'
import type { Paint } from '../../src/cli/terminal/style.js'
import type { View } from '../lib/terminal/live-panel.js'
import { grid } from '../lib/terminal/sections.js'
import { flakes, type Outcome } from './outcome.js'

/** Shows the progress of the runs, and their failures. */
export class Series implements View {
  readonly outcomes: Outcome[] = []
  readonly #times: number
  readonly #paint: Paint
  readonly #now: () => number
  readonly #begunAt: number
  #files = { done: 0, total: 0 }
  #stopping = false

  constructor(times: number, paint: Paint, now: () => number = () => performance.now()) {
    this.#times = times
    this.#paint = paint
    this.#now = now
    this.#begunAt = now()
  }

  /** Sets how many files the run under way has finished. */
  progress(done: number, total: number): void {
    this.#files = { done, total }
  }

  add(outcome: Outcome): void {
    this.outcomes.push(outcome)
    if (this.outcomes.length < this.#times) this.#files = { ...this.#files, done: 0 }
  }

  stopping(): void {
    this.#stopping = true
  }

  panel(width: number): string[] {
    const share = this.#share()
    const percent = ` ${Math.floor(share * 100)} %`
    const seconds = (this.#now() - this.#begunAt) / 1_000
    const left = share === 0 || share === 1 ? '' : duration((seconds / share) * (1 - share))
    const found = flakes(this.outcomes)
    return [
      this.#paint(found.length > 0 ? 'red' : 'green', bar(share, width - percent.length)) +
        this.#paint('bold', percent),
      '',
      ...grid(
        [
          ['run', `${this.#run()} of ${this.#times}`],
          ['files', `${this.#files.done} of ${this.#files.total}`],
          ['failed runs', String(this.#failedRuns())],
          ['time', duration(seconds)],
          ['left', left],
        ],
        this.#paint,
        width,
      ),
      ...(found.length > 0 ? [''] : []),
      ...found.map(({ test, runs }) => `${this.#paint('red', `✗ ${runs}`)}  ${test}`),
      ...(this.#stopping ? ['', 'stopping; Ctrl-C again ends at once'] : []),
    ]
  }

  line(): string {
    const files = `${this.#files.done} of ${this.#files.total} files`
    const failed = counted(this.#failedRuns(), 'failed run')
    const stopping = this.#stopping ? ', stopping' : ''
    return `run ${this.#run()} of ${this.#times}, ${files}, ${failed}${stopping}`
  }

  #run(): number {
    return Math.min(this.outcomes.length + 1, this.#times)
  }

  #share(): number {
    const { done, total } = this.#files
    if (this.outcomes.length === this.#times) return 1
    return (this.outcomes.length + (total === 0 ? 0 : done / total)) / this.#times
  }

  #failedRuns(): number {
    return this.outcomes.filter(({ failed }) => failed > 0).length
  }
}
