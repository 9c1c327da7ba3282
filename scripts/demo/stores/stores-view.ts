import { bar } from '../../lib/terminal/charts.js'
import { count } from '../../lib/terminal/format.js'
import type { Paint } from '../../lib/terminal/style.js'
import type { Stores } from './stores.js'

/** What is to be seen of the stores beside the launch; nothing, where there are none. */
export class StoresView {
  readonly #stores: Stores | undefined
  readonly #paint: Paint

  constructor(stores: Stores | undefined, paint: Paint) {
    this.#stores = stores
    this.#paint = paint
  }

  panel(width: number): string[] {
    if (!this.#stores) return []
    const { orders, books, count: stores } = this.#stores
    const text = ` ${count(books.orders)} orders in ${count(stores)} stores`
    return [this.#paint('green', bar(books.orders / orders, width - text.length)) + this.#paint('bold', text)]
  }

  cells(): [label: string, value: string][] {
    if (!this.#stores) return []
    const { books, warehouse, rota, compared } = this.#stores
    return [
      ['stores: paid for', count(books.confirmed.size)],
      ['stores: parcels', count(warehouse.parcels)],
      ['stores: visits', count(rota.visits)],
      ['stores: to visit', count(rota.busy)],
      ['stores: compared', count(compared)],
    ]
  }

  line(): string[] {
    if (!this.#stores) return []
    const { books, warehouse, rota, compared } = this.#stores
    return [
      `stores: ${count(books.orders)} orders`,
      `${count(warehouse.parcels)} parcels`,
      `${count(rota.busy)} to visit`,
      `${count(compared)} compared`,
    ]
  }
}
