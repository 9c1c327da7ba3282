export type { CallOptions } from './batching/batcher-set.js'
export type {
  Consumer,
  ConsumerCounts,
  ConsumerStats,
  PartitionStats,
} from './consumer/consumer.js'
export type { DeadLetter } from './consumer/dead-letters.js'
export type { EventOffset, SaleEvent, SaleEventType } from './consumer/events.js'
export type { ConsumerGroup, GroupPartition } from './consumer/groups.js'
export type { HandlerContext } from './consumer/handler-context.js'
export type { ConsumeOptions, EventHandler } from './consumer/options.js'
export type { EventSource } from './consumer/source.js'
export type { ConsumerWarning } from './consumer/warnings.js'
export type { Clock, Timer } from './engine/clock.js'
export type {
  Cart,
  CartChanges,
  ChangedCart,
  Counted,
  Engine,
  EventPage,
  EventSubject,
  FurtherPayment,
  KeyedRefund,
  Line,
  MoveOp,
  PresentRules,
  RecordedReason,
  ReservationPage,
  RestockOp,
  Rules as StoredSaleRules,
  RulesChanges,
  SetTotalOp,
  SharedLimit,
  SkuChanges,
  SkuRule,
  StoredEvent,
  StoredReservation,
  TransferOrigin,
} from './engine/engine.js'
export type { Trim } from './engine/groups.js'
export type { ListedRoom, ListedSale } from './engine/listing.js'
export type { LogOffset } from './engine/port.js'
export type { ListedRoomState } from './engine/removal.js'
export { StockholdError, type StockholdErrorCode } from './errors.js'
export { memoryEngine } from './memory-engine/memory-engine.js'
export type { RedisClient } from './redis-engine/connection.js'
export { type RedisEngineOptions, redisEngine } from './redis-engine/redis-engine.js'
export type { Replication } from './redis-engine/replication.js'
export type { Durability } from './redis-engine/server-check.js'
export type { Acknowledged, MovedTo } from './sale/acknowledged-reservations.js'
export type {
  AcknowledgedCount,
  AcknowledgedPayment,
  AcknowledgedRestock,
  AcknowledgedState,
} from './sale/acknowledgement-cache.js'
export type { AdmissionGate, AdmittedPass } from './sale/admission-gate.js'
export { FlashSale } from './sale/flash-sale.js'
export type { Ledger, LedgerRecord, LedgerWriter } from './sale/ledger.js'
export type { FlashSaleOptions } from './sale/options.js'
export type { RecoverySource } from './sale/recovery/replay.js'
export type { RefundOptions } from './sale/refund.js'
export type { ReserveRequest } from './sale/reserve-request.js'
export type * from './sale/results.js'
export type { SaleRules } from './sale/rules.js'
export type { RulesInForce, RulesUpdate, SkuRules, UpdateResult } from './sale/rules-update.js'
export type { SaleAdministration } from './sale/sale-administration.js'
export type { LimitRule } from './sale/shared-limits.js'
export type { SkuOptions, SkuUpdate } from './sale/sku-rules.js'
export type * from './telemetry/messages.js'
export type { SignalOption } from './validation.js'
export { seedCommitment, shuffledRank } from './waiting-room/draw.js'
export type { TicketOptions, TransferOptions, WaitingRoomOptions } from './waiting-room/options.js'
export type { PassClaims, TicketClaims } from './waiting-room/pass.js'
export type * from './waiting-room/results.js'
export type { RoomAdministration } from './waiting-room/room-administration.js'
export type { AdmissionOptions, RoomRules, RoomUpdate } from './waiting-room/room-rules.js'
export { type JoinOptions, WaitingRoom } from './waiting-room/waiting-room.js'
