import type { EventSource } from '../consumer/source.js'
import type { Rules } from '../engine/engine.js'
import type { LogOffset } from '../engine/port.js'
import { StockholdError } from '../errors.js'
import type { LedgerWriter } from '../sale/ledger.js'
import { PartitionWriter } from './partition-writer.js'
import type { Tables } from './tables.js'

/**
 * Writes the events of one sale into the tables: for its followers, for comparisons, and for calls
 * whose answers wait for the ledger.
 */
export class SaleWriter implements LedgerWriter {
  readonly source: EventSource
  readonly tables: Tables
  #writers: readonly PartitionWriter[] | undefined
  /** The rules that this process has written, by generation and revision. */
  #noted = ''
  #opening: Promise<readonly PartitionWriter[]> | undefined

  constructor(source: EventSource, tables: Tables) {
    this.source = source
    this.tables = tables
  }

  hasWritten(partition: number, offset: LogOffset): boolean {
    return this.#writers?.[partition]?.hasWritten(offset) === true
  }

  /** The ledger must keep what it has acknowledged. */
  async ready(): Promise<void> {
    await this.tables.assertDurable()
    await this.open()
  }

  async waitUntilWritten(
    partition: number,
    offset: LogOffset,
    deadline: number,
    signal?: AbortSignal,
  ): Promise<void> {
    const writers = this.#writers ?? (await this.open())
    return writers[partition]!.waitUntilWritten(offset, deadline, signal)
  }

  /**
   * The rules in force. Writes them into the tables if they have changed since the sale was
   * created.
   */
  async present(): Promise<Rules> {
    const { rules, revision } = await this.source.describe()
    const { generation } = this.source.latest(0)
    const name = `${generation} ${revision}`
    if (name !== '1 0' && name !== this.#noted) {
      await this.tables.noteRules(this.source.sale, generation, revision, JSON.stringify(rules))
      this.#noted = name
    }
    return rules
  }

  /**
   * Registers the sale, and reports to its handle how much of its history the ledger has seen. So a
   * Redis that has lost part of it is detected even if every process of the sale has been
   * restarted.
   */
  open(): Promise<readonly PartitionWriter[]> {
    if (this.#writers) return Promise.resolve(this.#writers)
    this.#opening ??= this.#open().finally(() => {
      this.#opening = undefined
    })
    return this.#opening
  }

  async #open(): Promise<readonly PartitionWriter[]> {
    const { rules, created, incarnation } = await this.source.describe()
    const { sale } = this.source
    const known = await this.tables.registerSale(sale, incarnation, JSON.stringify(created), rules.partitions)
    if (known.incarnation !== incarnation)
      throw new StockholdError(
        'STATE_LOST',
        `the ledger has followed another sale ${JSON.stringify(sale)}, which is gone: recover that one, or take another id or schema`,
      )
    for (const [partition, offset] of (await this.tables.seen(sale)).entries())
      if (offset) this.source.advanceTo(partition, offset)
    const writers = Array.from(
      { length: rules.partitions },
      (_, i) => new PartitionWriter(this.source, i, this.tables, () => this.present()),
    )
    this.#writers = writers
    return writers
  }
}
