import type { EventSource } from '../consumer/source.js'
import type { Rules } from '../engine/engine.js'
import type { LogOffset } from '../engine/port.js'
import type { RecoverySource } from './recovery/replay.js'

/**
 * What a sale asks of a ledger: a record outside of the engine of everything that was acknowledged.
 * `postgresLedger(...)` of `stockhold/postgres` is one.
 */
export interface Ledger {
  /** Writes a sale's events for as long as somebody waits for that. Called once a handle. */
  attach(source: EventSource): LedgerWriter
  /** What is known of a sale; `undefined` if it was never followed. */
  loadForRecovery(sale: string): Promise<LedgerRecord | undefined>
}

/** Takes the events of one sale into the ledger. */
export interface LedgerWriter {
  /**
   * Resolves when it can be written.
   *
   * @throws {StockholdError} `UNSAFE_CONFIG`: it would not keep what it has written; any other
   *   failure is taken for UNAVAILABLE.
   */
  ready(): Promise<void>
  /**
   * Whether everything up to that point of a partition's history is in the ledger, as far as it is
   * known here.
   */
  hasWritten(partition: number, offset: LogOffset): boolean
  /**
   * Resolves when it is. Many who wait are served by one transaction.
   *
   * @param deadline When to give up, by the source's clock.
   * @throws {StockholdError} `UNKNOWN_OUTCOME`: it was not in time, or the history went on without
   *   it.
   */
  waitUntilWritten(
    partition: number,
    offset: LogOffset,
    deadline: number,
    signal?: AbortSignal,
  ): Promise<void>
}

/** A sale as a ledger knows it. */
export interface LedgerRecord {
  readonly rules: Rules
  readonly incarnation: string
  /** The furthest point of each partition's history that anybody who writes the ledger has seen. */
  readonly lastSeen: readonly (LogOffset | null)[]
  /**
   * Everything the ledger has of the sale. Called when what was lost is frozen: what a writer has
   * read before that, and not written, must not be written from now on, or it would be acknowledged
   * and not put back.
   */
  recoverySource(): Promise<RecoverySource>
}

export function isLedger(value: unknown): value is Ledger {
  const { loadForRecovery, attach } = (value ?? {}) as Partial<Ledger>
  return typeof loadForRecovery === 'function' && typeof attach === 'function'
}
