import type { StoredEvent, StoredReservation } from '../engine/engine.js'
import type { History } from './events.js'

/**
 * - `queued`: behind another event of the same reservation.
 * - `ready`: for the next free worker.
 * - `running`: the handler has it.
 * - `waiting`: it failed, and is to be tried again.
 * - `done`, `dead`: handled, or a dead letter.
 * - `dropped`: the lease was lost, so the consumer that takes over handles it.
 */
type DeliveryState = 'queued' | 'ready' | 'running' | 'waiting' | 'done' | 'dead' | 'dropped'

/** An event on its way to the handler. */
export interface Delivery {
  readonly event: StoredEvent
  readonly reservation: StoredReservation | undefined
  /** Events of one key are handled in order: the reservation's id, or '' for events without one. */
  readonly key: string
  readonly backlog: DeliveryBacklog
  state: DeliveryState
  /** How often the handler has failed with it. */
  attempts: number
  error: string
  /** When the handler began, or when it is to be tried again, by the process's clock. */
  at: number
  /** It is parked in the engine, or may be. */
  parked: boolean
  before: Delivery | undefined
  after: Delivery | undefined
}

/**
 * The backlog of a delivery, as the consumer's workers see it. Each outcome returns the next event
 * of the same key.
 */
export interface DeliveryBacklog {
  readonly owner: DeliveryOwner
  /** The lease under which the events were read is over. */
  readonly over: boolean
  begin(delivery: Delivery, now: number): void
  done(delivery: Delivery): Delivery | undefined
  failed(delivery: Delivery, error: string, retryAt: number): Delivery | undefined
  giveUp(delivery: Delivery, error: string): Delivery | undefined
}

/** Decides when an event of its partition may begin, and what follows from the outcome. */
export interface DeliveryOwner {
  /** The history that the event was read from. */
  readonly history: History
  /** Whether the event may begin now. If not, the owner offers it again later. */
  begins(delivery: Delivery): boolean
  done(delivery: Delivery): void
  /** Settles once the owner has decided what follows from the failure. */
  failed(delivery: Delivery, error: unknown): void | Promise<void>
}
