import type { LogOffset } from '../../src/engine/port.js'
import type { Ledger, LedgerRecord, LedgerWriter } from '../../src/sale/ledger.js'

/** An answer that waits for the ledger. */
interface Reach {
  readonly partition: number
  readonly tip: LogOffset
  readonly deadline: number
  readonly signal: AbortSignal | undefined
  resolve(): void
  reject(error: unknown): void
}

/** A ledger that has what the test says, and notes what it is asked. */
export class FakeLedger implements Ledger, LedgerWriter {
  /** How often it was asked whether it can be written. */
  asked = 0
  /** What it answers to that. */
  open: () => Promise<void> = async () => {}
  /** Whether it has everything already. */
  hasAll = false
  record: LedgerRecord | undefined
  readonly reaches: Reach[] = []

  attach(): LedgerWriter {
    return this
  }

  async loadForRecovery(): Promise<LedgerRecord | undefined> {
    return this.record
  }

  ready(): Promise<void> {
    this.asked++
    return this.open()
  }

  hasWritten(): boolean {
    return this.hasAll
  }

  waitUntilWritten(partition: number, tip: LogOffset, deadline: number, signal?: AbortSignal): Promise<void> {
    return new Promise<void>((resolve, reject) =>
      this.reaches.push({ partition, tip, deadline, signal, resolve, reject }),
    )
  }
}
