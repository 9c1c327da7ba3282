/**
 * What one buyer asked for, and what they were told: enough to hold the shop to its word. Plain
 * data, fit for JSON.
 */
export interface Order {
  readonly buyer: string
  readonly key: string
  readonly quantity: number
  /** `null`: the sale's own, which never expires within a test. */
  readonly holdMs: number | null
  /**
   * The ids of every answer `reserved` or `key_spent`, in the order they came: all the same, if all
   * is well.
   */
  readonly ids: string[]
  /** The latest word on the reserving: a status, a fault's code, or nothing yet. */
  told?: string
  /** What was asked of the reservation then, and the latest word on that. */
  wish?: 'confirm' | 'release'
  wishTold?: string
}

/** One call: how it settled, and whether in time. */
export interface Call {
  readonly what: 'reserve' | 'confirm' | 'release'
  /** It had not settled when its deadline had long passed. */
  readonly overdue: boolean
  /** A status, or the code of a `StockholdError`; `threw` for anything else. */
  readonly told: string
  /** What Redis or the driver said, where a fault has a cause. */
  readonly cause?: string
  /** When it was asked, by the clock of its process. */
  readonly at: number
}

/** What a crowd did, and was told. */
export interface Report {
  readonly orders: readonly Order[]
  readonly calls: readonly Call[]
}

/** A hold that may expire while a test runs. */
export const SHORT_MS = 150
