import { bar } from '../../src/cli/terminal/charts.js'
import { count, counted, duration } from '../../src/cli/terminal/format.js'
import type { Paint } from '../../src/cli/terminal/style.js'
import type { View } from '../lib/terminal/live-panel.js'
import { grid } from '../lib/terminal/sections.js'
import type { RunRecord } from './record.js'
import { chart, shown } from './report.js'

const CHART = 40

/** Shows the progress of the run, and its series. */
export class SoakView implements View {
  readonly #record: RunRecord
  readonly #seconds: number
  readonly #paint: Paint
  readonly #now: () => number
  readonly #begunAt: number
  #doing = 'starting'

  /** @param seconds How long the application sells. */
  constructor(record: RunRecord, seconds: number, paint: Paint, now = () => performance.now()) {
    this.#record = record
    this.#seconds = seconds
    this.#paint = paint
    this.#now = now
    this.#begunAt = now()
  }

  doing(what: string): void {
    this.#doing = what
  }

  panel(width: number): string[] {
    const share = this.#elapsed() / this.#seconds
    const percent = ` ${Math.floor(share * 100)} %`
    const series = this.#record.series.judged()
    const leaking = series.some(({ verdict }) => verdict === 'leaking')
    const label = Math.max(0, ...series.map(({ name }) => name.length))
    return [
      this.#paint(leaking ? 'red' : 'green', bar(share, width - percent.length)) +
        this.#paint('bold', percent),
      '',
      ...grid(this.#cells(), this.#paint, width),
      '',
      ...series.map(({ name, values, verdict }) =>
        this.#paint(
          verdict === 'leaking' ? 'red' : 'dim',
          `${name.padEnd(label)}  ${shown(values.at(-1)!).padStart(9)}  ${chart(values, CHART)}`,
        ),
      ),
    ]
  }

  line(): string {
    return [
      this.#doing,
      `${duration(Math.floor(this.#elapsed() / 10) * 10)} of ${duration(this.#seconds)}`,
      counted(this.#record.calls, 'call'),
      counted(this.#record.faultCount, 'fault'),
      `heap ${shown(this.#heap())} MiB`,
    ].join(', ')
  }

  #cells(): (readonly [string, string])[] {
    return [
      ['now', this.#doing],
      ['time', duration(this.#elapsed())],
      ['left', duration(this.#seconds - this.#elapsed())],
      ['samples', count(this.#record.series.samples)],
      ['sales', count(this.#record.sales.length)],
      ['calls', count(this.#record.calls)],
      ['faults', count(this.#record.faultCount)],
    ]
  }

  #heap(): number {
    const heap = this.#record.series.judged().find(({ name }) => name.startsWith('heap'))
    return heap?.values.at(-1) ?? Number.NaN
  }

  #elapsed(): number {
    return Math.min(this.#seconds, (this.#now() - this.#begunAt) / 1_000)
  }
}
