export type { LedgerReservation, LedgerReservationsOptions } from './postgres/buyer-reservations.js'
export type { Difference } from './postgres/compare.js'
export type { FollowOptions, LedgerFollower, LedgerStats } from './postgres/follower.js'
export { type PostgresLedger, type PostgresLedgerOptions, postgresLedger } from './postgres/ledger.js'
export type {
  DeliverOptions,
  DeliverResult,
  LedgerOrder,
  LedgerRefundOptions,
  LedgerRefundResult,
  Payout,
  PayoutOptions,
  PayoutOrder,
  Shipment,
  ShipOptions,
  ShipResult,
} from './postgres/orders/results.js'
export type { LedgerPayment, PaymentsOptions } from './postgres/payments.js'
export type { SqlClient, SqlPool, SqlResult } from './postgres/pool.js'
export type { ReconcileOptions, Reconciliation } from './postgres/reconcile.js'
