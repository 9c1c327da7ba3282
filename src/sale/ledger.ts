import type { EventSource } from '../consumer/source.js'
import type { PresentRules, Rules } from '../engine/engine.js'
import type { LogOffset } from '../engine/port.js'
import type { RecoverySource } from './recovery/replay.js'

/**
 * A record outside the engine of everything that was acknowledged, for example
 * `postgresLedger(...)` of `stockhold/postgres`.
 */
export interface Ledger {
  /** Writes a sale's events while callers wait for them. Each handle calls it once. */
  attach(source: EventSource): LedgerWriter
  /** The ledger's record of a sale; `undefined` if the ledger has never followed it. */
  loadForRecovery(sale: string): Promise<LedgerRecord | undefined>
}

/** Writes the events of one sale to the ledger. */
export interface LedgerWriter {
  /**
   * Resolves when the ledger can be written.
   *
   * @throws {StockholdError} `UNSAFE_CONFIG`: the ledger would not keep what it has written. The
   *   caller treats any other failure as UNAVAILABLE.
   */
  ready(): Promise<void>
  /** Whether this process knows that the ledger has everything of a partition up to this offset. */
  hasWritten(partition: number, offset: LogOffset): boolean
  /**
   * Resolves when the ledger has everything of a partition up to this offset. One transaction
   * serves many waiting callers.
   *
   * @param deadline When to stop waiting, by the source's clock.
   * @throws {StockholdError} `UNKNOWN_OUTCOME`: the ledger has not written it in time, or the
   *   partition's history continued without it.
   */
  waitUntilWritten(
    partition: number,
    offset: LogOffset,
    deadline: number,
    signal?: AbortSignal,
  ): Promise<void>
}

/** A ledger's record of a sale. */
export interface LedgerRecord {
  /** The rules that the sale was created with. */
  readonly rules: Rules
  /** The latest rules that the ledger knows. @default those of the creation */
  readonly present?: PresentRules | undefined
  readonly incarnation: string
  /** The latest offset of each partition that any writer of the ledger has seen. */
  readonly lastSeen: readonly (LogOffset | null)[]
  /**
   * Everything the ledger has of the sale. Called when the partitions that lost state are frozen.
   * From this call on, no writer may write events that it had read before: they would be
   * acknowledged, but not rebuilt.
   */
  recoverySource(): Promise<RecoverySource>
}

export function isLedger(value: unknown): value is Ledger {
  const { loadForRecovery, attach } = (value ?? {}) as Partial<Ledger>
  return typeof loadForRecovery === 'function' && typeof attach === 'function'
}
