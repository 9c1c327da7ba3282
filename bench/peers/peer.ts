import { SKU } from '../../scripts/lib/load/sale.js'

export { SKU }
/** Units one buyer may have. */
export const LIMIT = 2
export const HOLD_MS = 600_000

/** What a way of selling can promise. */
export type Guarantee = 'stock' | 'limit' | 'key' | 'expiry'
export const ALL: readonly Guarantee[] = ['stock', 'limit', 'key', 'expiry']

/** What a peer has stored after a round. */
export interface StoreState {
  readonly left: number
  /** How many reservations there are; `null` if the peer records none. */
  readonly recorded: number | null
  /** What the store itself finds wrong. */
  readonly fault?: string
}

/**
 * One way to sell one hot SKU, with a limit per buyer, an idempotency key and an expiry, or
 * without.
 */
export interface Peer {
  /** Stable: part of its figure's id. */
  readonly name: string
  readonly label: string
  /** The guarantees that it gives; a breach fails the bench. */
  readonly promises: readonly Guarantee[]
  /** How many call at once: as many as make the peer fastest, and at least two that compete. */
  readonly callers: number
  /** More units than a round can take. */
  readonly plenty: number
  /** Starts a new sale of this many units. */
  create(units: number): Promise<void>
  reserve(buyer: string, key: string): Promise<'reserved' | 'refused'>
  state(): Promise<StoreState>
  /** Removes all that it stored, and ends its connections. */
  close(): Promise<void>
}
