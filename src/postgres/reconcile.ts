import { compare, type Difference } from './compare.js'
import type { SaleWriter } from './sale-writer.js'

/** Of so many reservations it is told which they are; the counts are of all. */
const NAMED = 100

/** Options of `reconcile`. */
export interface ReconcileOptions {
  /**
   * The rows that differ become what the sale says of them. What it reports is what it found
   * before. @default false
   */
  repair?: boolean | undefined
  /**
   * For how long the ledger may fall behind, in ms, before the comparison is given up. @default
   * 60_000
   */
  timeoutMs?: number | undefined
}

/** What a comparison of a sale with its ledger has found. */
export interface Reconciliation {
  /** Whether both say the same of every reservation. */
  readonly ok: boolean
  /** Reservations compared. */
  readonly checked: number
  /** The sale has them, the ledger has not. */
  readonly missing: { readonly count: number; readonly ids: readonly string[] }
  /** Both have them, and do not say the same. */
  readonly differing: {
    readonly count: number
    readonly reservations: readonly { readonly id: string; readonly fields: readonly Difference[] }[]
  }
  /**
   * The ledger has them, the sale has not: Redis has lost them, see src/sale/recovery/README.md.
   */
  readonly unknown: { readonly count: number; readonly ids: readonly string[] }
  /** Events that were trimmed from the stream before the ledger had them. */
  readonly lostEvents: number
}

export async function reconcile(
  writer: SaleWriter,
  options: { readonly repair: boolean; readonly timeoutMs: number },
): Promise<Reconciliation> {
  const partitions = await writer.open()
  const { source, tables } = writer
  const missing: string[] = []
  const unknown: string[] = []
  const differing: { id: string; fields: readonly Difference[] }[] = []
  let checked = 0
  let lostEvents = 0
  for (const [partition, one] of partitions.entries()) {
    await source.sweep(partition)
    const found = await compare(writer, partition, options)
    const position = await one.look()
    if (options.repair && position.stale) await tables.settle(source.sale, partition, position)
    checked += found.checked
    lostEvents += position.lost
    missing.push(...found.missing)
    unknown.push(...found.unknown)
    differing.push(...found.differing)
  }
  return {
    ok: missing.length + differing.length + unknown.length === 0,
    checked,
    missing: { count: missing.length, ids: missing.slice(0, NAMED) },
    differing: { count: differing.length, reservations: differing.slice(0, NAMED) },
    unknown: { count: unknown.length, ids: unknown.slice(0, NAMED) },
    lostEvents,
  }
}
