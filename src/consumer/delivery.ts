import type { StoredEvent, StoredReservation } from '../engine/engine.js'
import type { Backlog } from './backlog.js'

/**
 * - `queued`: behind another event of the same reservation.
 * - `ready`: for whoever has a hand free.
 * - `running`: the handler has it.
 * - `waiting`: it failed, and is to be tried again.
 * - `done`, `dead`: dealt with, or given up.
 * - `dropped`: somebody else deals with it now.
 */
export type DeliveryState = 'queued' | 'ready' | 'running' | 'waiting' | 'done' | 'dead' | 'dropped'

/** An event on its way to the handler. */
export interface Delivery {
  readonly event: StoredEvent
  readonly reservation: StoredReservation | undefined
  /** Events of one key are handled in order: the reservation's id, or '' for those that speak of none. */
  readonly key: string
  readonly backlog: Backlog
  state: DeliveryState
  /** How often the handler has failed with it. */
  attempts: number
  error: string
  /** When it began, or is to be tried again, by the clock's clock. */
  at: number
  /** It is parked in the engine, or may be. */
  parked: boolean
  before: Delivery | undefined
  after: Delivery | undefined
}
