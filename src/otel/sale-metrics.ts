import type { BatchObservableResult } from '@opentelemetry/api'
import { chunksOf } from '../common/chunks.js'
import type { Engine, SkuCounts } from '../engine/engine.js'
import type { ListedSale } from '../engine/listing.js'
import { FlashSale } from '../sale/flash-sale.js'
import { runOwn } from '../telemetry/open-calls.js'
import { ATTRIBUTES, OTHER } from './attributes.js'
import { BoundedNames } from './bounded-names.js'
import { errorType } from './call-metrics.js'
import type { Instruments } from './instruments.js'
import { Series } from './series.js'

const tuning = {
  /** Sales that are read at a time. */
  atOnce: 8,
}

interface ReadSale {
  readonly sale: string
  readonly skus: readonly (readonly [sku: string, counts: SkuCounts])[]
  readonly groups: readonly { readonly group: string; lag: number; parked: number; dead: number }[]
}

interface Reading {
  readonly listed: readonly ListedSale[]
  readonly read: readonly ReadSale[]
}

/** The sales of an engine, read when metrics are collected. */
export class SaleMetrics {
  readonly #engine: Engine
  readonly #instruments: Instruments
  readonly #handles = new Map<string, FlashSale>()
  readonly #sales: BoundedNames
  readonly #skus: BoundedNames
  readonly #groups: BoundedNames
  readonly #series = new Series()
  #reading: Promise<Reading> | undefined

  constructor(engine: Engine, instruments: Instruments, maxNames: number) {
    this.#engine = engine
    this.#instruments = instruments
    this.#sales = new BoundedNames(maxNames)
    this.#skus = new BoundedNames(maxNames)
    this.#groups = new BoundedNames(maxNames)
  }

  /** If the engine is away, the reading counts as failed, and the gauges stay as they were. */
  async observe(result: BatchObservableResult): Promise<void> {
    // Two readers that collect at once share a reading.
    this.#reading ??= runOwn(() => this.#read()).finally(() => {
      this.#reading = undefined
    })
    const { readings } = this.#instruments
    try {
      this.#tell(await this.#reading)
      readings.add(1)
    } catch (error) {
      readings.add(1, { [ATTRIBUTES.error]: errorType(error) })
    }
    this.#series.observe(result)
  }

  #tell({ listed, read }: Reading): void {
    const { sales, units, lag, parked, deadLetters } = this.#instruments
    const series = this.#series
    series.clear()
    for (const { state } of listed) series.add(sales, 1, { [ATTRIBUTES.state]: state })
    const nameOf = (...parts: string[]) => JSON.stringify(parts)
    const skus = this.#skus.choose(read.flatMap((one) => one.skus.map(([sku]) => nameOf(one.sale, sku))))
    const groups = this.#groups.choose(
      read.flatMap((one) => one.groups.map(({ group }) => nameOf(one.sale, group))),
    )
    for (const one of read) {
      const sale = { [ATTRIBUTES.sale]: one.sale }
      for (const [sku, counts] of one.skus) {
        const name = { ...sale, [ATTRIBUTES.sku]: skus.has(nameOf(one.sale, sku)) ? sku : OTHER }
        for (const { key, state } of STATES)
          series.add(units, counts[key], { ...name, [ATTRIBUTES.state]: state })
      }
      for (const { group, ...counts } of one.groups) {
        const name = { ...sale, [ATTRIBUTES.group]: groups.has(nameOf(one.sale, group)) ? group : OTHER }
        series.add(lag, counts.lag, name)
        series.add(parked, counts.parked, name)
        series.add(deadLetters, counts.dead, name)
      }
    }
  }

  async close(): Promise<void> {
    for (const handle of this.#handles.values()) await handle.close()
    this.#handles.clear()
  }

  async #read(): Promise<Reading> {
    const listed: ListedSale[] = []
    for await (const sale of this.#engine.sales()) listed.push(sale)
    const order = (sale: ListedSale) => (sale.state === 'ended' ? 1 : 0)
    const here = listed.filter(({ state }) => state !== 'removing' && state !== 'lost')
    here.sort((a, b) => order(a) - order(b) || b.createdAt - a.createdAt)
    const chosen = this.#sales.choose(here.map(({ id }) => id))
    for (const [id, handle] of this.#handles)
      if (!chosen.has(id)) {
        this.#handles.delete(id)
        await handle.close()
      }
    const read: ReadSale[] = []
    // A sale that is frozen, or was removed meanwhile, is left out.
    for (const some of chunksOf([...chosen], tuning.atOnce))
      for (const one of await Promise.all(some.map((id) => this.#readSale(id).catch(() => this.#drop(id)))))
        if (one) read.push(one)
    return { listed, read }
  }

  async #readSale(sale: string): Promise<ReadSale> {
    const handle = this.#handles.get(sale) ?? new FlashSale(sale, { engine: this.#engine })
    this.#handles.set(sale, handle)
    const [{ skus }, groups] = await Promise.all([handle.stats(), handle.consumerGroups()])
    return { sale, skus: Object.entries(skus), groups }
  }

  /** The next reading begins afresh: another sale of this name may be there by then. */
  #drop(sale: string): undefined {
    void this.#handles.get(sale)?.close()
    this.#handles.delete(sale)
  }
}

const STATES = [
  { key: 'available', state: 'available' },
  { key: 'held', state: 'held' },
  { key: 'confirmed', state: 'confirmed' },
  { key: 'inTransit', state: 'in_transit' },
] as const
