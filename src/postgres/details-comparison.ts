import { chunksOf } from '../common/chunks.js'
import type { LogOffset } from '../engine/port.js'
import type { DetailsTable } from './details-table.js'
import type { SaleWriter } from './sale-writer.js'

/** Details checked at a time. */
const AT_ONCE = 256
/** Details read from the ledger at a time. */
const PAGE = 5_000

/** Details that only the sale has, and those that only the ledger has. */
export interface DetailsDifferences<S, L> {
  readonly missing: S[]
  readonly unknown: L[]
}

/**
 * Compares details of a partition with a table. They never change, so those that a page of the scan
 * shows are in the ledger once it has caught up, and those that the sale had before the first page
 * are on one of the pages.
 */
export class DetailsComparison<S extends { readonly id: string }, L extends { readonly id: string }> {
  readonly #writer: SaleWriter
  readonly #partition: number
  /** The offset before the first page; `null`: unknown. */
  readonly #first: LogOffset | null
  readonly #table: DetailsTable<L>
  readonly #nameOf: (detail: S) => string
  readonly #seen = new Set<string>()
  readonly #missing: S[] = []

  constructor(
    writer: SaleWriter,
    partition: number,
    first: LogOffset | null,
    table: DetailsTable<L>,
    nameOf: (detail: S) => string,
  ) {
    this.#writer = writer
    this.#partition = partition
    this.#first = first
    this.#table = table
    this.#nameOf = nameOf
  }

  /** The ledger has everything that the page shows. */
  async add(page: readonly S[]): Promise<void> {
    const { sale } = this.#writer.source
    for (const some of chunksOf(page, AT_ONCE)) {
      const rows = await this.#table.of(sale, [...new Set(some.map(({ id }) => id))])
      const known = new Set(rows.map((row) => row.id + this.#table.nameOf(row)))
      for (const detail of some) {
        // The id has a fixed length.
        const name = detail.id + this.#nameOf(detail)
        this.#seen.add(name)
        if (!known.has(name)) this.#missing.push(detail)
      }
    }
  }

  async end(): Promise<DetailsDifferences<S, L>> {
    const unknown: L[] = []
    const of = this.#first && { partition: this.#partition, offset: this.#first }
    for (let after: L | undefined; of; ) {
      const rows = await this.#table.page(this.#writer.source.sale, after, PAGE, of)
      if (rows.length === 0) break
      unknown.push(...rows.filter((row) => !this.#seen.has(row.id + this.#table.nameOf(row))))
      after = rows.at(-1)!
    }
    return { missing: this.#missing, unknown }
  }
}
