/** What the application is told. */
export type Order =
  | {
      readonly type: 'start'
      readonly seed: number
      readonly redis: string
      readonly postgres: string
    }
  /** Sell for so long. */
  | { readonly type: 'sell'; readonly round: number; readonly ms: number }
  /** The faults are over: finish the round and take a sample. */
  | { readonly type: 'settle' }
  /** Close everything, and end by itself. */
  | { readonly type: 'stop' }

/** What the application says. */
export type Word =
  | { readonly type: 'ready' }
  | { readonly type: 'settled'; readonly settled: Settled }
  /** What ends the run at once. */
  | { readonly type: 'broken'; readonly why: string }

export interface Settled {
  readonly sample: Sample
  /** How often each call was answered how, in this round: `reserve` to `reserved` to 12. */
  readonly answers: Answers
  readonly sales: readonly ClosedSale[]
}

/** By the name of the series. */
export type Sample = Readonly<Record<string, number>>
export type Answers = Readonly<Record<string, Readonly<Record<string, number>>>>

/** What the buyers of a sale were told of it. */
export interface ClosedSale {
  readonly name: string
  readonly stock: Readonly<Record<string, number>>
  /** Units of each SKU in orders that were confirmed, and that no call was to refund. */
  readonly confirmed: Readonly<Record<string, number>>
  /** Whether the ledger has followed it. */
  readonly ledger: boolean
}
