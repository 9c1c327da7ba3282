import { channel, tracingChannel } from 'node:diagnostics_channel'
import type {
  AdmissionMessage,
  BatchMessage,
  CallMessage,
  ConnectionMessage,
  ConsumerMessage,
  LedgerMessage,
} from './messages.js'

/** Ask `hasSubscribers` before a message is made: without a subscriber it would be for nothing. */
interface TypedChannel<M> {
  readonly hasSubscribers: boolean
  publish(message: M): void
}

export const callChannel = tracingChannel<unknown, CallMessage>('stockhold:call')
export const batchChannel: TypedChannel<BatchMessage> = channel('stockhold:batch')
export const connectionChannel: TypedChannel<ConnectionMessage> = channel('stockhold:connection')
export const admissionChannel: TypedChannel<AdmissionMessage> = channel('stockhold:admission')
export const consumerChannel: TypedChannel<ConsumerMessage> = channel('stockhold:consumer')
export const ledgerChannel: TypedChannel<LedgerMessage> = channel('stockhold:ledger')
