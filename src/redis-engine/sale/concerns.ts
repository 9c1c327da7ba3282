import acl from './concerns/acl.lua'
import commit from './concerns/commit.lua'
import eachReservation from './concerns/each_reservation.lua'
import earlierRecords from './concerns/earlier_records.lua'
import endedHolds from './concerns/ended_holds.lua'
import eventLog from './concerns/event_log.lua'
import expiry from './concerns/expiry.lua'
import furtherPayments from './concerns/further_payments.lua'
import idempotency from './concerns/idempotency.lua'
import keyedRefunds from './concerns/keyed_refunds.lua'
import latePayment from './concerns/late_payment.lua'
import limitsAndStock from './concerns/limits_and_stock.lua'
import loneChange from './concerns/lone_change.lua'
import lonePayment from './concerns/lone_payment.lua'
import loneReservation from './concerns/lone_reservation.lua'
import mayWrite from './concerns/may_write.lua'
import newPartition from './concerns/new_partition.lua'
import partition from './concerns/partition.lua'
import readOnly from './concerns/read_only.lua'
import recordChanges from './concerns/record_changes.lua'
import records from './concerns/records.lua'
import remembered from './concerns/remembered.lua'
import rollbackDetection from './concerns/rollback_detection.lua'
import stockMoves from './concerns/stock_moves.lua'
import stockTransfers from './concerns/stock_transfers.lua'
import storedValues from './concerns/stored_values.lua'
import transferSteps from './concerns/transfer_steps.lua'
import transferredRecords from './concerns/transferred_records.lua'
import types from './concerns/types.lua'

/** The texts that these scripts can include, by file name. */
export const saleConcerns = {
  acl,
  commit,
  each_reservation: eachReservation,
  earlier_records: earlierRecords,
  ended_holds: endedHolds,
  event_log: eventLog,
  expiry,
  further_payments: furtherPayments,
  idempotency,
  keyed_refunds: keyedRefunds,
  late_payment: latePayment,
  limits_and_stock: limitsAndStock,
  lone_change: loneChange,
  lone_payment: lonePayment,
  lone_reservation: loneReservation,
  may_write: mayWrite,
  new_partition: newPartition,
  partition,
  read_only: readOnly,
  record_changes: recordChanges,
  records,
  remembered,
  rollback_detection: rollbackDetection,
  stock_moves: stockMoves,
  stock_transfers: stockTransfers,
  stored_values: storedValues,
  transfer_steps: transferSteps,
  transferred_records: transferredRecords,
  types,
}
