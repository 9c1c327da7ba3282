import fc from 'fast-check'
import { test } from 'vitest'
import { KnownStock } from '../../../../src/sale/rebalancing/known-stock.js'
import { operation, sameAsModel } from '../../../support/same-as-model.js'

const PARTITIONS = 4

type Stock = Pick<KnownStock, 'note' | 'noteAll' | 'at' | 'sum' | 'isKnown' | 'sources'> & {
  track(sku: number): unknown
}

class Model implements Stock {
  readonly #units = new Map<number, number[]>()

  track(sku: number): void {
    if (!this.isKnown(sku)) this.#units.set(sku, Array(PARTITIONS).fill(0))
  }

  note(partition: number, sku: number, available: number): void {
    this.track(sku)
    this.#units.get(sku)![partition] = available
  }

  noteAll(partition: number, left: readonly (readonly [number, number])[]): void {
    for (const [sku, available] of left) this.note(partition, sku, available)
  }

  at(partition: number, sku: number): number {
    return this.#units.get(sku)?.[partition] ?? 0
  }

  sum(sku: number): number {
    return [...Array(PARTITIONS).keys()].reduce((sum, partition) => sum + this.at(partition, sku), 0)
  }

  isKnown(sku: number): boolean {
    return this.#units.has(sku)
  }

  /** The richest first; of equals the next one behind the home. */
  sources(sku: number, home: number): number[] {
    const distance = (partition: number) => (partition - home + PARTITIONS) % PARTITIONS
    return [...Array(PARTITIONS).keys()]
      .filter((partition) => partition !== home && this.at(partition, sku) > 0)
      .sort((a, b) => this.at(b, sku) - this.at(a, sku) || distance(a) - distance(b))
  }
}

test('what is known of the stock of each partition, its sum, and where to ask first', () => {
  const sku = fc.nat(2)
  const partition = fc.nat(PARTITIONS - 1)
  const units = fc.nat(3)
  sameAsModel<Stock>(
    () => ({ real: new KnownStock(PARTITIONS), model: new Model() }),
    [
      sku.map((one) => operation(`track ${one}`, (stock) => void stock.track(one))),
      fc
        .tuple(partition, sku, units)
        .map(([at, one, left]) =>
          operation(`${left} of ${one} in ${at}`, (stock) => stock.note(at, one, left)),
        ),
      fc
        .tuple(partition, fc.array(fc.tuple(sku, units), { maxLength: 3 }))
        .map(([at, left]) =>
          operation(`${JSON.stringify(left)} in ${at}`, (stock) => stock.noteAll(at, left)),
        ),
      fc
        .tuple(partition, sku)
        .map(([at, one]) =>
          operation(`${one} at ${at}`, (stock) => [
            ...[stock.at(at, one), stock.sum(one), stock.isKnown(one), stock.sources(one, at)],
          ]),
        ),
    ],
  )
})
