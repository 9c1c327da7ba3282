import { SKU } from '../../scripts/lib/load/sale.js'

export { SKU }
/** Units one buyer may have. */
export const LIMIT = 2
export const HOLD_MS = 600_000

/** What a way of selling can promise. */
export type Guarantee = 'stock' | 'limit' | 'key' | 'expiry'
export const ALL: readonly Guarantee[] = ['stock', 'limit', 'key', 'expiry']

/** What a peer's store says after a round. */
export interface Books {
  readonly left: number
  /** How many reservations there are; `null` where none is written down. */
  readonly recorded: number | null
  /** What the store itself finds wrong. */
  readonly fault?: string
}

/** One way to sell one hot SKU, with a limit per buyer, an idempotency key and an expiry, or without. */
export interface Peer {
  /** Stable: part of its figure's id. */
  readonly name: string
  readonly label: string
  /** What must hold for it; a breach fails the bench. */
  readonly promises: readonly Guarantee[]
  /** How many call at once: as many as do it good, yet never so few that nobody competes. */
  readonly callers: number
  /** More units than a round can take. */
  readonly plenty: number
  /** Begins anew, with this many units. */
  create(units: number): Promise<void>
  reserve(buyer: string, key: string): Promise<'reserved' | 'refused'>
  books(): Promise<Books>
  /** Removes all that it stored, and ends its connections. */
  close(): Promise<void>
}
