import type { Item, RefundResult, ReservationState } from '../../sale/results.js'

/** An order on its way from payment to receipt, as the ledger has it. */
export interface LedgerOrder {
  readonly sale: string
  /** The reservation's id. */
  readonly id: string
  readonly buyer: string
  /** `forgotten`: Redis has lost the order, and the sale was recovered without it. */
  readonly state: ReservationState | 'forgotten'
  /** What is paid for: units that were refunded in part are not in it. */
  readonly items: readonly Item[]
  /** Units in all shipments. */
  readonly shipped: readonly Item[]
  /** Units that the buyer has received. */
  readonly delivered: readonly Item[]
  /** Units that can still be shipped: paid for and not shipped; none of a refunded order. */
  readonly open: readonly Item[]
}

/** A parcel of an order. Times in epoch ms, by PostgreSQL's clock unless the caller gave one. */
export interface Shipment {
  readonly carrier: string
  /** The carrier's number of the parcel, or any other name; unique in the order. */
  readonly reference: string
  readonly items: readonly Item[]
  readonly shippedAt: number
  /** When the buyer received it. */
  readonly deliveredAt?: number | undefined
}

/** Options of `ship`. */
export interface ShipOptions {
  carrier: string
  /**
   * Names the shipment within the order, for example the carrier's number of the parcel. A repeated
   * call with the same reference ships nothing twice.
   */
  reference: string
  /** A part of the order. @default everything that has not been shipped yet */
  items?: readonly Item[] | undefined
}

/** The result of `ship`: the shipment is recorded, or the reason why it must not leave. */
export type ShipResult =
  /** `replayed`: an earlier call with this reference recorded the shipment. */
  | {
      readonly status: 'shipped'
      readonly shipment: Shipment
      readonly order: LedgerOrder
      readonly replayed: boolean
    }
  /** More than the order has open, or nothing is open: see `order.open`. */
  | { readonly status: 'exceeds_order'; readonly order: LedgerOrder }
  /** `refunded`: the money has gone back. `not_confirmed`: the order is not paid for. */
  | { readonly status: 'refunded' | 'not_confirmed'; readonly order: LedgerOrder }
  | { readonly status: 'not_found' }

/** Options of `deliver`. */
export interface DeliverOptions {
  /** When the buyer received it, as a Date or epoch ms. @default now, by PostgreSQL's clock */
  at?: Date | number | undefined
  /** One shipment. @default all shipments of the order that have not been delivered */
  reference?: string | undefined
}

/** The result of `deliver`. */
export type DeliverResult =
  /** `replayed`: it had been delivered before; the first time counts. */
  | { readonly status: 'delivered'; readonly order: LedgerOrder; readonly replayed: boolean }
  /** The order has no shipment, or none with this reference. */
  | { readonly status: 'not_shipped'; readonly order: LedgerOrder }
  | { readonly status: 'not_found' }

/** Options of the ledger's `refund`: the same as those of the sale's. */
export interface LedgerRefundOptions {
  /**
   * Whether the units go on sale again; otherwise they leave the sale. Means nothing once the sale
   * was removed.
   */
  restock: boolean
  /** A part of the order; needs a `key`. @default the whole order */
  items?: readonly Item[] | undefined
  /** A repeated call with the same key refunds once. */
  key?: string | undefined
}

/** The result of the ledger's `refund`: that of the sale's. */
export type LedgerRefundResult = RefundResult

/** Options of `payouts`. */
export interface PayoutOptions {
  /**
   * How long ago the buyer must have received the last parcel of an order, in ms: the time in which
   * buyers may send orders back.
   */
  deliveredFor: number
  /** Names the batch. The same key gives the same batch for ever. */
  key: string
  /** The most orders in a batch, 1 to 10,000. @default 1_000 */
  limit?: number | undefined
}

/** Units of one order in a batch of payouts. */
export interface PayoutOrder {
  readonly sale: string
  /** The reservation's id. */
  readonly id: string
  readonly items: readonly Item[]
}

/** A batch of orders whose money may go to the seller. */
export interface Payout {
  readonly key: string
  /** When the batch was made, in epoch ms of PostgreSQL's clock. */
  readonly madeAt: number
  /** Orders to pay for: received in full, and not refunded. Each is in one batch only. */
  readonly orders: readonly PayoutOrder[]
  /**
   * Units of earlier batches that were refunded since: deduct them. Each refunded unit is in one
   * batch only.
   */
  readonly refunded: readonly PayoutOrder[]
  /** More orders are due: call again with another key. */
  readonly more: boolean
  /** The batch existed before this call. */
  readonly replayed: boolean
}
