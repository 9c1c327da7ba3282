import type { Port, Retry } from './port.js'

/**
 * The operations log of a prefix: what operators have asked for, and what came of it. It belongs to
 * no sale, so the entries outlast the sales that they name.
 *
 * An operator's process writes an entry before it begins an operation, and writes it again with the
 * outcome. An entry without an outcome is of an operation that is under way, or whose process has
 * died.
 */
export interface OperationsLogCommands {
  /**
   * Adds an entry that the log does not have yet, with the next number; and adds the outcome
   * `ended`, if it is given and the entry has none. All else changes nothing, so a repeated call
   * writes nothing twice. Forgets the earliest entries beyond {@link KEPT_ENTRIES}.
   */
  write: {
    op: { readonly id: string; readonly begun: string; readonly ended: string | null }
    answer: { readonly status: 'written' } | Retry
  }

  /** The latest entries, or the latest of those numbered below `before`. Writes nothing. */
  read: {
    op: { readonly before: number | null; readonly limit: number }
    answer: { readonly status: 'read'; readonly entries: readonly LoggedOperation[] }
  }
}

/** An entry as the engine stores it. */
export interface LoggedOperation {
  readonly id: string
  /** Counts the entries from 1. */
  readonly number: number
  /** What was asked for: a text of the caller's. */
  readonly begun: string
  /** When it was written first, server time. */
  readonly begunAt: number
  /** What came of it: a text of the caller's; `null` if no outcome was written. */
  readonly ended: string | null
  readonly endedAt: number | null
}

/** How many entries the log keeps. */
export const KEPT_ENTRIES = 1_000

export type OperationsLogPort = Port<OperationsLogCommands>
