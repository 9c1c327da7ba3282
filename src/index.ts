export { seedCommitment, shuffledRank } from './admission/draw.js'
export type { PassClaims } from './admission/pass.js'
export type * from './admission/results.js'
export type { RoomCreation, RoomPace } from './admission/room-rules.js'
export { WaitingRoom, type WaitingRoomOptions } from './admission/waiting-room.js'
export type { SignalOption } from './check.js'
export type { Engine } from './engine/engine.js'
export { memoryEngine } from './engine/memory/memory-engine.js'
export { type RedisEngineOptions, redisEngine } from './engine/redis/redis-engine.js'
export type { Durability } from './engine/redis/server-check.js'
export { StockholdError, type StockholdErrorCode } from './errors.js'
export type {
  Consumer,
  ConsumerCounts,
  ConsumerStats,
  PartitionStats,
} from './handoff/consumer.js'
export type { EventPlace, SaleEvent, SaleEventType } from './handoff/events.js'
export type { ConsumerGroup, GroupPartition } from './handoff/groups.js'
export type { HandlerContext } from './handoff/handler-context.js'
export type { DeadLetter } from './handoff/letters.js'
export type { ConsumeOptions, EventHandler } from './handoff/options.js'
export type { ConsumerWarning } from './handoff/warnings.js'
export type { Admission, Door } from './sale/door.js'
export { FlashSale, type FlashSaleOptions } from './sale/flash-sale.js'
export type { Ledger, LedgerRecord, LedgerWriter } from './sale/ledger.js'
export type { ReserveRequest } from './sale/reservation.js'
export type * from './sale/results.js'
export type { SaleRules } from './sale/rules.js'
