import { bar } from '../../lib/terminal/charts.js'
import { count } from '../../lib/terminal/format.js'
import type { Paint } from '../../lib/terminal/style.js'
import type { Handoff } from './handoff.js'

/** What is to be seen of the parcels and of the ledger. */
export class HandoffView {
  readonly #handoff: Handoff
  readonly #units: number
  readonly #paint: Paint

  constructor(handoff: Handoff, units: number, paint: Paint) {
    this.#handoff = handoff
    this.#units = units
    this.#paint = paint
  }

  panel(width: number): string[] {
    const { units } = this.#handoff.warehouse
    const text = ` ${count(units)} packed`
    return [this.#paint('cyan', bar(units / this.#units, width - text.length)) + this.#paint('bold', text)]
  }

  cells(): [label: string, value: string][] {
    const { warehouse, workers, trouble, bank, bookkeeper } = this.#handoff
    return [
      ['parcels', count(warehouse.parcels)],
      ['events to do', count(workers.lag)],
      ['warehouse failed', count(trouble.failures)],
      ['told twice', count(warehouse.repeats + bank.repeats)],
      ...(bookkeeper
        ? ([
            ['in the ledger', count(bookkeeper.events)],
            ['ledger behind', count(bookkeeper.lag)],
          ] as [string, string][])
        : []),
    ]
  }

  line(): string[] {
    const { warehouse, workers, bookkeeper } = this.#handoff
    return [
      `${count(warehouse.parcels)} parcels`,
      `${count(workers.lag)} events to do`,
      ...(bookkeeper
        ? [`${count(bookkeeper.events)} events in the ledger`, `${count(bookkeeper.lag)} behind`]
        : []),
    ]
  }
}
