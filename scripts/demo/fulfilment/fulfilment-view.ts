import { bar } from '../../../src/cli/terminal/charts.js'
import { count } from '../../../src/cli/terminal/format.js'
import type { Paint } from '../../../src/cli/terminal/style.js'
import type { Fulfilment } from './fulfilment.js'

/** Shows the parcels and the ledger. */
export class FulfilmentView {
  readonly #fulfilment: Fulfilment
  readonly #units: number
  readonly #paint: Paint

  constructor(fulfilment: Fulfilment, units: number, paint: Paint) {
    this.#fulfilment = fulfilment
    this.#units = units
    this.#paint = paint
  }

  panel(width: number): string[] {
    const { units } = this.#fulfilment.warehouse
    const text = ` ${count(units)} packed`
    return [this.#paint('cyan', bar(units / this.#units, width - text.length)) + this.#paint('bold', text)]
  }

  cells(): [label: string, value: string][] {
    const { warehouse, workers, services, bank, ledgerWriter } = this.#fulfilment
    return [
      ['parcels', count(warehouse.parcels)],
      ['events waiting', count(workers.lag)],
      ['warehouse failed', count(services.failures)],
      ['repeated', count(warehouse.repeats + bank.repeats)],
      ...(ledgerWriter
        ? ([
            ['in the ledger', count(ledgerWriter.events)],
            ['ledger lag', count(ledgerWriter.lag)],
          ] as [string, string][])
        : []),
    ]
  }

  line(): string[] {
    const { warehouse, workers, ledgerWriter } = this.#fulfilment
    return [
      `${count(warehouse.parcels)} parcels`,
      `${count(workers.lag)} events waiting`,
      ...(ledgerWriter
        ? [`${count(ledgerWriter.events)} events in the ledger`, `${count(ledgerWriter.lag)} not yet`]
        : []),
    ]
  }
}
