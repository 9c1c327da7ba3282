import { bar } from '../../../src/cli/terminal/charts.js'
import { count } from '../../../src/cli/terminal/format.js'
import type { Paint } from '../../../src/cli/terminal/style.js'
import type { Stores } from './stores.js'

/** Shows the stores beside the launch; nothing if there are none. */
export class StoresView {
  readonly #stores: Stores | undefined
  readonly #paint: Paint

  constructor(stores: Stores | undefined, paint: Paint) {
    this.#stores = stores
    this.#paint = paint
  }

  panel(width: number): string[] {
    if (!this.#stores) return []
    const { orders, expected, count: stores } = this.#stores
    const text = ` ${count(expected.orders)} orders in ${count(stores)} stores`
    return [
      this.#paint('green', bar(expected.orders / orders, width - text.length)) + this.#paint('bold', text),
    ]
  }

  cells(): [label: string, value: string][] {
    if (!this.#stores) return []
    const { expected, warehouse, pollScheduler, compared } = this.#stores
    return [
      ['stores: paid', count(expected.confirmed.size)],
      ['stores: parcels', count(warehouse.parcels)],
      ['stores: visits', count(pollScheduler.visits)],
      ['stores: to visit', count(pollScheduler.busy)],
      ['stores: compared', count(compared)],
    ]
  }

  line(): string[] {
    if (!this.#stores) return []
    const { expected, warehouse, pollScheduler, compared } = this.#stores
    return [
      `stores: ${count(expected.orders)} orders`,
      `${count(warehouse.parcels)} parcels`,
      `${count(pollScheduler.busy)} to visit`,
      `${count(compared)} compared`,
    ]
  }
}
