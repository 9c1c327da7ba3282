import type { Invariants } from '../../scripts/lib/load/invariants.js'
import { BenchSale, buyerName, keyName, SKU } from '../../scripts/lib/load/sale.js'
import type { Reading, ServerMeter } from '../../scripts/lib/load/server-meter.js'
import type { Engine } from '../../src/index.js'

/** Requests sent at once, so that the batches are the same however large the sale is. */
const WAVE = 1_000

/** What the server used for a number of reservations. */
export interface Use {
  readonly reservations: number
  /** Each. */
  readonly bytes: number
  readonly cpuMicroseconds: number
  readonly perCall: number
}

export function useBetween(before: Reading, after: Reading, reservations: number): Use {
  return {
    reservations,
    bytes: (after.memory - before.memory) / reservations,
    cpuMicroseconds: ((after.cpu - before.cpu) * 1e6) / reservations,
    perCall: reservations / (after.calls - before.calls),
  }
}

/** Adds reservations up to a number, by buyers with `perBuyer` each. */
export async function grow(sale: BenchSale, to: number, perBuyer = 1): Promise<void> {
  for (let from = sale.held; from < to; from = sale.held) {
    const wave = Array.from({ length: Math.min(WAVE, to - from) }, (_, i) =>
      sale.hold({
        buyer: buyerName(Math.floor((from + i) / perBuyer)),
        items: [{ sku: SKU, quantity: 1 }],
        key: keyName(from + i),
      }),
    )
    if ((await Promise.all(wave)).includes(undefined))
      throw new Error('A reservation was refused while there was stock.')
  }
}

/** Sales of one size, measured together: as many as the figure needs to rise above the noise. */
export class Block {
  readonly #engine: Engine
  readonly #meter: ServerMeter
  readonly #invariants: Invariants
  #sales = 0

  constructor(engine: Engine, meter: ServerMeter, invariants: Invariants) {
    this.#engine = engine
    this.#meter = meter
    this.#invariants = invariants
  }

  /**
   * The empty sales are made before the time is measured. Their memory counts, so a reservation
   * includes its share.
   */
  async fill(sales: number, size: number, { perBuyer = 1 } = {}): Promise<Use> {
    const empty = await this.#meter.read()
    const block: BenchSale[] = []
    for (let i = 0; i < sales; i++) {
      block.push(await BenchSale.open(this.#engine, `block-${this.#sales++}`, { limitPerBuyer: perBuyer }))
    }
    const before = await this.#meter.read()
    for (const sale of block) await grow(sale, size, perBuyer)
    const after = await this.#meter.read()
    // One audit is enough for sales of a kind.
    for (const [i, sale] of block.entries()) await sale.finish(this.#invariants, { audit: i === sales - 1 })
    const use = useBetween(before, after, sales * size)
    return { ...use, bytes: (after.memory - empty.memory) / (sales * size) }
  }
}
