/** A message to the application. */
export type ToApplication =
  | {
      readonly type: 'start'
      readonly seed: number
      readonly redis: string
      readonly postgres: string
    }
  /** Sell for this time. */
  | { readonly type: 'sell'; readonly round: number; readonly ms: number }
  /** The faults are over: finish the round and take a sample. */
  | { readonly type: 'sample' }
  /** Close everything, and end by itself. */
  | { readonly type: 'stop' }

/** A message of the application. */
export type FromApplication =
  | { readonly type: 'ready' }
  | { readonly type: 'sampled'; readonly report: RoundReport }
  /** Ends the run at once. */
  | { readonly type: 'broken'; readonly why: string }

export interface RoundReport {
  readonly sample: Sample
  /** The answers of this round by call, such as `reserve` to `reserved` to 12. */
  readonly answers: Answers
  readonly sales: readonly ClosedSale[]
}

/** By the name of the series. */
export type Sample = Readonly<Record<string, number>>
export type Answers = Readonly<Record<string, Readonly<Record<string, number>>>>

/** A sale, and the answers of its buyers. */
export interface ClosedSale {
  readonly name: string
  readonly stock: Readonly<Record<string, number>>
  /** Units of each SKU in confirmed orders, without those that were to be refunded. */
  readonly confirmed: Readonly<Record<string, number>>
  /** Whether the ledger has followed it. */
  readonly ledger: boolean
}
