import type { Tip } from '../../src/engine/port.js'
import type { Ledger, LedgerRecord, LedgerWriter } from '../../src/sale/ledger.js'

/** An answer that waits for the ledger. */
interface Reach {
  readonly partition: number
  readonly tip: Tip
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

  async recall(): Promise<LedgerRecord | undefined> {
    return this.record
  }

  ready(): Promise<void> {
    this.asked++
    return this.open()
  }

  has(): boolean {
    return this.hasAll
  }

  reach(partition: number, tip: Tip, deadline: number, signal?: AbortSignal): Promise<void> {
    return new Promise<void>((resolve, reject) =>
      this.reaches.push({ partition, tip, deadline, signal, resolve, reject }),
    )
  }
}
