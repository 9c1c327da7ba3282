import { bar } from '../../src/cli/terminal/charts.js'
import { count, milliseconds } from '../../src/cli/terminal/format.js'
import type { Paint } from '../../src/cli/terminal/style.js'
import type { View } from '../lib/terminal/live-panel.js'
import { Rate } from '../lib/terminal/rate.js'
import { grid } from '../lib/terminal/sections.js'
import type { LoadRun } from './load.js'

/** What a run shows while the visitors come. */
export class LoadView implements View {
  readonly #run: LoadRun
  readonly #paint: Paint
  readonly #rate = new Rate()

  constructor(run: LoadRun, paint: Paint) {
    this.#run = run
    this.#paint = paint
  }

  panel(width: number): string[] {
    const { arrived, options } = this.#run
    const told = ` ${count(arrived)} of ${count(options.visitors)} visitors`
    return [
      this.#paint('green', bar(arrived / options.visitors, Math.max(4, width - told.length))) +
        this.#paint('bold', told),
      '',
      ...grid(this.#cells(), this.#paint, width),
    ]
  }

  line(): string {
    return this.#cells()
      .map(([label, value]) => `${label} ${value}`)
      .join(', ')
  }

  #cells(): (readonly [label: string, value: string])[] {
    const { meter, book, ends, arrived, here, streams } = this.#run
    const { latency, faults } = meter
    const units = book.units()
    this.#rate.sample(latency.count)
    return [
      ['arrived', count(arrived)],
      ['in the shop', count(here)],
      ['event streams', count(streams.open.size)],
      ['requests', count(latency.count)],
      ['requests/s', count(this.#rate.perSecond() ?? 0)],
      ['p99', latency.count === 0 ? '-' : milliseconds(latency.at(0.99))],
      ['faults', count(faults)],
      ['units held', count(units.held)],
      ['units paid', count(units.confirmed)],
      ['sold out', count(ends.get('sold out') ?? 0)],
    ]
  }
}
