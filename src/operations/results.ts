import type { DeadLetter } from '../consumer/dead-letters.js'
import type { ConsumerGroup } from '../consumer/groups.js'
import type { ListedRoom, ListedSale } from '../engine/listing.js'
import type { StockholdErrorCode } from '../errors.js'
import type { LedgerPayment } from '../postgres/payments.js'
import type { Recovery, RecoveryEverywhere, Reservation, SaleState, SkuCounts } from '../sale/results.js'
import type { RulesInForce } from '../sale/rules-update.js'
import type { RoomStats } from '../waiting-room/results.js'

/** A sale or a waiting room in a list. */
export type Listed = (
  | ({ readonly kind: 'sale' } & Omit<ListedSale, 'createdAt'>)
  | ({ readonly kind: 'room' } & Omit<ListedRoom, 'createdAt'>)
) & {
  /** Epoch ms. `null`: Redis has forgotten when. */
  readonly createdAt: number | null
}

/** Why a part of the answer is missing. */
export interface Problem {
  readonly code: StockholdErrorCode
  readonly message: string
}

/** A sale as its operator sees it. What cannot be read is `null`, and `problem` says why. */
export interface ShownSale {
  readonly kind: 'sale'
  readonly id: string
  /**
   * `frozen`: Redis has lost acknowledged changes; `lost`: it has lost the sale, or parts of it.
   * Recover the sale.
   */
  readonly state: SaleState | 'frozen' | 'lost'
  readonly problem: Problem | null
  readonly rules: RulesInForce | null
  readonly skus: Readonly<Record<string, SkuCounts>> | null
  readonly groups: readonly ConsumerGroup[] | null
}

/** A waiting room as its operator sees it. */
export interface ShownRoom {
  readonly kind: 'room'
  readonly id: string
  readonly state: RoomStats['state'] | 'lost'
  readonly problem: Problem | null
  /** The sale whose stock limits admission. */
  readonly sale: string | null
  readonly stats: RoomStats | null
}

/** What was found of a reservation, a buyer or a payment. */
export interface Found {
  readonly reservations: readonly Reservation[]
  /** Only of a search for a payment. */
  readonly payments: readonly LedgerPayment[]
}

/** A payment that the shop must give back. */
export interface RefundDue {
  readonly reservationId: string
  readonly buyer: string | null
  /** `null` if `confirm` was called without one. */
  readonly paymentId: string | null
  readonly reason: string
}

/** The payments of a sale that the shop must give back. */
export interface RefundsDue {
  /** `events`: as far as the sale still keeps its events. */
  readonly from: 'ledger' | 'events'
  /** Whether these are all: none was cut off by the limit, and no event is missing. */
  readonly complete: boolean
  readonly payments: readonly RefundDue[]
}

/** The dead letters of a group. */
export interface ListedDeadLetters {
  readonly group: string
  /** Whether these are all. */
  readonly complete: boolean
  readonly letters: readonly DeadLetter[]
}

/** An operation that was carried out. */
export interface Done<T> {
  readonly operation: string
  /** `sale:ID` or `room:ID`. */
  readonly target: string
  readonly result: T
  /** Whether the operations log has the outcome. */
  readonly logged: boolean
}

/** A recovery, and what the operator looks at next. */
export interface Recovered extends Done<Recovery | RecoveryEverywhere> {
  /** The units as they are now; `null`: they cannot be read. */
  readonly skus: ShownSale['skus']
  /** Waiting rooms that Redis has lost too, as far as processes have told that they use them. */
  readonly lostRooms: readonly string[]
}
