import { bar, sparkline } from '../../../src/cli/terminal/charts.js'
import { count, seconds } from '../../../src/cli/terminal/format.js'
import type { Paint } from '../../../src/cli/terminal/style.js'
import type { FlashSale, SkuCounts } from '../../../src/index.js'
import type { View } from '../../lib/terminal/live-panel.js'
import { grid } from '../../lib/terminal/sections.js'
import type { FulfilmentView } from '../fulfilment/fulfilment-view.js'
import type { LaunchOptions } from '../options.js'
import { sampler } from '../sampler.js'
import type { StoresView } from '../stores/stores-view.js'
import { SKU } from './buyers.js'
import type { ExpectedState } from './expected-state.js'
import type { RoomView } from './room-view.js'

const SAMPLE_MS = 100
/** Samples of the latest second. */
const NOW_SAMPLES = 10

/**
 * Shows the running sale: units as the sale counts them, everything else by the answers of buyers.
 */
export class Live implements View {
  readonly #sale: FlashSale
  readonly room: RoomView
  readonly #fulfilment: FulfilmentView
  readonly #stores: StoresView
  readonly #expected: ExpectedState
  readonly #options: LaunchOptions
  readonly #paint: Paint
  readonly startedAt = performance.now()
  readonly #timer: NodeJS.Timeout
  /** Reservations and refusals in each sample. */
  readonly #reserved: number[] = []
  readonly #refused: number[] = []
  #counts: SkuCounts
  #endedAt: number | undefined
  /** Samples the counts; the buyers notice a server that is away. */
  readonly #sampleCounts = sampler(async () => {
    this.#counts = (await this.#sale.stats()).skus[SKU]!
  })

  constructor(
    sale: FlashSale,
    room: RoomView,
    fulfilment: FulfilmentView,
    stores: StoresView,
    expected: ExpectedState,
    options: LaunchOptions,
    paint: Paint,
  ) {
    this.#sale = sale
    this.room = room
    this.#fulfilment = fulfilment
    this.#stores = stores
    this.#expected = expected
    this.#options = options
    this.#paint = paint
    this.#counts = { total: options.units, available: options.units, held: 0, confirmed: 0, inTransit: 0 }
    this.#timer = setInterval(() => this.#sample(), SAMPLE_MS)
    this.#timer.unref()
  }

  async finish(): Promise<void> {
    clearInterval(this.#timer)
    await this.#sampleCounts()
    this.#sample()
    await Promise.all([this.#sampleCounts(), this.room.sample()])
    this.#endedAt = performance.now()
  }

  get elapsedMs(): number {
    return (this.#endedAt ?? performance.now()) - this.startedAt
  }

  /** Most reservations within one second. */
  get peak(): number {
    const { length } = this.#reserved
    return Math.max(0, ...this.#reserved.map((_, at) => last(this.#reserved, Math.min(length, at + 1))))
  }

  curve(width: number): string {
    return sparkline(this.#reserved, width)
  }

  #sample(): void {
    // A busy process samples late: its counts belong to all the samples it has missed.
    const { reservations } = this.#expected
    const missing = Math.max(1, Math.round(this.elapsedMs / SAMPLE_MS) - this.#reserved.length)
    const reserved = reservations - sum(this.#reserved)
    const refused = sum([...this.#expected.refused.values()]) - sum(this.#refused)
    for (let i = 0; i < missing; i++) {
      this.#reserved.push(reserved / missing)
      this.#refused.push(refused / missing)
    }
    void this.room.sample()
    void this.#sampleCounts()
  }

  panel(width: number): string[] {
    const { units } = this.#options
    const { available, held, confirmed } = this.#counts
    const { late, dropouts, doubleClicks, comebacks, refused } = this.#expected
    const left = ` ${count(available)} of ${count(units)} left`
    const refundDue = sum([...late.refundDue.values()])
    const cells: [label: string, value: string][] = [
      ['reservations/s', count(this.#now(this.#reserved))],
      ['refusals/s', count(this.#now(this.#refused))],
      ['time', seconds(performance.now() - this.startedAt)],
      ['on hold', count(held)],
      ['confirmed', count(confirmed)],
      ['refused', count(sum([...refused.values()]))],
      ['paid late', count(late.confirmed + refundDue)],
      ['refund due', count(refundDue)],
      ['payment failed', count(dropouts.failed)],
      ['given back', count(dropouts.released)],
      ['double clicks', count(doubleClicks.sent)],
      ['came back', count(comebacks)],
      ...this.room.cells(),
      ...this.#fulfilment.cells(),
      ...this.#stores.cells(),
    ]
    return [
      ...this.room.panel(width),
      '',
      this.#paint('green', bar(available / units, width - left.length)) + this.#paint('bold', left),
      ...this.#fulfilment.panel(width),
      ...this.#stores.panel(width),
      '',
      ...grid(cells, this.#paint, width),
      '',
      this.#paint('cyan', this.curve(width)),
    ]
  }

  line(): string {
    const { available, held, confirmed } = this.#counts
    const { late, dropouts } = this.#expected
    return [
      // Goes on after the last buyer, while the fulfilment and the ledger are finished.
      seconds(performance.now() - this.startedAt).padStart(7),
      ...this.room.line(),
      `${count(available)} left`,
      `${count(held)} on hold`,
      `${count(confirmed)} confirmed`,
      `${count(this.#now(this.#reserved))} reservations/s`,
      `${count(sum([...this.#expected.refused.values()]))} refused`,
      `${count(late.confirmed + sum([...late.refundDue.values()]))} paid late`,
      `${count(dropouts.failed)} failed`,
      ...this.#fulfilment.line(),
      ...this.#stores.line(),
      ...this.room.samples(),
    ].join('  ')
  }

  /** Per second, over the last second. */
  #now(samples: readonly number[]): number {
    return (last(samples, samples.length) * 1_000) / SAMPLE_MS / Math.min(NOW_SAMPLES, samples.length || 1)
  }
}

/** The sum of the second that ends with sample number `end`. */
function last(samples: readonly number[], end: number): number {
  return sum(samples.slice(Math.max(0, end - NOW_SAMPLES), end))
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
