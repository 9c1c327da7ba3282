import type { Item, ReservationState, SaleState } from '../sale/results.js'

/**
 * The bodies of the answers. All times are epoch ms of the server's clock; `now` is that clock when
 * the answer was made, so a page can count down rightly on a machine whose clock is wrong.
 */

/** The body of `GET /sale`. */
export interface SaleView {
  readonly now: number
  readonly id: string
  readonly state: SaleState
  readonly opensAt: number | null
  readonly closesAt: number | null
  /** How long a reservation holds its units, in ms. */
  readonly holdMs: number
  /** What this visitor may see and buy. */
  readonly skus: readonly SkuView[]
}

/** One SKU of a sale. */
export interface SkuView {
  readonly sku: string
  /** Units on sale now. */
  readonly available: number
  /** Units on hold could come back. */
  readonly mayReturn: boolean
  readonly limitPerBuyer: number | null
}

/** The body of `POST /queue`, and of `GET /queue` while the visitor waits. */
export interface WaitingView {
  readonly status: 'waiting'
  readonly now: number
  /** 1 is next, 0 means "your turn: poll". */
  readonly position: number
  /** ms until the visitor's turn; `null` while it cannot be estimated. */
  readonly etaMs: number | null
  /** ms to wait before the next poll. */
  readonly retryAfterMs: number
  /** More visitors are ahead of this one than there are units for. Not known when joining. */
  readonly soldOutLikely?: boolean | undefined
}

/** The visitor's turn: the pass comes in a cookie or a header, never in a body. */
export interface AdmittedView {
  readonly status: 'admitted'
  readonly now: number
  /** Until then the pass lets the buyer reserve. */
  readonly expiresAt: number
  readonly expiresInMs: number
}

/** The room is closed. After `sold_out` it may open again, and visitors keep their positions. */
export interface ClosedView {
  readonly status: 'closed'
  readonly now: number
  readonly reason: 'sold_out' | 'ended'
  /** ms to wait before the next poll; absent after the end of the sale. */
  readonly retryAfterMs?: number | undefined
}

/** The body of `GET /queue`. */
export type QueueView = WaitingView | AdmittedView | ClosedView

/**
 * The data of an event of `GET /queue/events`. After `admitted` the page polls once, which gives it
 * the pass. After `gone` the visitor has left or was removed.
 */
export type QueueEvent = QueueView | { readonly status: 'gone'; readonly now: number }

/** The body of `DELETE /queue`: whether the visitor had a position or a pass. */
export interface LeftView {
  readonly left: boolean
}

/** A parcel of an order. */
export interface ShipmentView {
  readonly carrier: string
  /** The carrier's number of the parcel, or another name. */
  readonly reference: string
  readonly items: readonly Item[]
  readonly shippedAt: number
  /** When the buyer received it. */
  readonly deliveredAt?: number | undefined
}

/** The buyer's own reservation. */
export interface ReservationView {
  readonly now: number
  readonly id: string
  readonly state: ReservationState
  readonly items: readonly Item[]
  readonly createdAt: number
  readonly expiresAt: number
  /** ms until the hold expires; 0 unless the state is `held`. */
  readonly expiresInMs: number
  /** The parcels of an order, in answers to GET of routes with a `ledger`. */
  readonly shipments?: readonly ShipmentView[] | undefined
}

/** The body of `GET /reservations`: a page, the latest reservation first. */
export interface ReservationsView {
  readonly now: number
  readonly reservations: readonly ReservationView[]
  /** For the next page, `?cursor=...`; `null` in the empty page after the last one. */
  readonly cursor: string | null
}

/** The body of `POST /payments`. After `refund_due` the shop gives the money back. */
export interface PaymentView {
  readonly status: 'confirmed' | 'refund_due'
}

/** The body of `GET /healthz`. */
export interface HealthView {
  readonly status: 'ok'
}

/** The body of `GET /readyz`. */
export interface ReadyView {
  /** Whether a buyer could reserve now. */
  readonly canSell: boolean
  /** What is the matter, in one word: `sold_out`, `paused`, `UNAVAILABLE`, ... */
  readonly why: string | null
}
