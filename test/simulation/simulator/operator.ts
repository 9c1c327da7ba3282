import type { SimulatedProcess } from './process.js'
import type { SaleWorld } from './sale-world.js'

/** Asks from any process that lives. An operator ends with the process that was asked last. */
export class Operator {
  readonly #sale: SaleWorld
  #process: SimulatedProcess | undefined
  #isDone = false

  constructor(sale: SaleWorld) {
    this.#sale = sale
  }

  get finished(): boolean {
    return this.#isDone || this.#process?.alive === false
  }

  async work(): Promise<void> {
    const { agenda, processes } = this.#sale.world
    for (const { after, call } of this.#sale.operations) {
      await agenda.sleep(after)
      this.#process = processes.find(({ running }) => running)
      if (this.#process) await this.#sale.ask(this.#process, call)
    }
    this.#isDone = true
  }
}
