import type { StockholdError, StockholdErrorCode } from '../errors.js'

/**
 * A call of a method of a `FlashSale`, a `WaitingRoom` or a `Consumer`: the message of the tracing
 * channel `stockhold:call`. All events of a call have the same object. What is known only at the
 * end is set when the call has ended, before `asyncEnd` (or before `end`, of a method that returns
 * no promise). A message never contains a buyer, a key, a ticket, a pass or a payment.
 */
export interface CallMessage {
  /** The name of the method: `reserve`, `poll`, `stats`, ... */
  readonly command: string
  /** The id of the sale; of a waiting room: the sale it stands before, `null` without one. */
  readonly sale: string | null
  /** The id of the waiting room, if it is a method of a room. */
  readonly room: string | null
  /** The consumer group, if it is a method of a consumer. */
  readonly group: string | null
  /**
   * The partition of the buyer or of the reservation, or the partition where stock changes. `null`:
   * a call to a whole sale, a call of a room or a consumer, or the handle does not know yet.
   */
  readonly partition: number | null
  /** ms from the call until its result, by the engine's clock. `null` while the call is open. */
  readonly durationMs: number | null
  /**
   * The `status` of the result. Of `pause`, `resume` and `end` of a sale: its state. Of a result
   * that only says whether something was changed: `created` or `not_created`, `left` or
   * `not_left`, ... Of `audit` that found a violation: `violated`. Of any other result: `ok`.
   * `null` while the call is open, and if it has failed.
   */
  readonly status: string | null
  /** Whether the result is that of an earlier call, with the same key or id. */
  readonly replayed: boolean
  /** Whether the handle has answered by what it knows, without a request to the engine. */
  readonly fromMemory: boolean
  /**
   * Why the call has failed. `ABORTED`: with the reason of its signal. `OTHER`: with an error that
   * is not of this library. `null` while the call is open, and if it has a result.
   */
  readonly code: StockholdErrorCode | 'ABORTED' | 'OTHER' | null
  /** What the call has thrown. */
  readonly error?: unknown
}

/** A request to the engine that was answered, or has failed: the message of `stockhold:batch`. */
export interface BatchMessage {
  /** The id of the sale, or `null`. */
  readonly sale: string | null
  /** The id of the waiting room, or `null`. With neither, it is a request to the index of sales. */
  readonly room: string | null
  /** The partition of the sale. */
  readonly partition: number | null
  /** The command of the engine: `reserve`, `confirm`, `events`, `tend` (visits of a room), ... */
  readonly command: string
  /** How many items the batch had. */
  readonly size: number
  /** How long its oldest item had waited when the batch was sent. ms */
  readonly waitedMs: number
  /** From sending to the answer: network, server, and the driver. ms */
  readonly durationMs: number
  /** The server's clock when it executed the batch, in epoch ms; `null` if no answer came. */
  readonly serverTime: number | null
  /**
   * `done`: every item has its answer. `missing`, `lost`, `rolled_back`, `incompatible`: the state
   * of the sale or room, and nothing was executed. `failed`: see `error`.
   */
  readonly outcome: 'done' | 'missing' | 'lost' | 'rolled_back' | 'incompatible' | 'failed'
  readonly error?: unknown
  /**
   * The open calls whose items the batch has carried, as on `stockhold:call`. Background work, as
   * of consumers and sweeps, belongs to none.
   */
  readonly calls: readonly CallMessage[]
}

/** The connection of a Redis client has changed: the message of `stockhold:connection`. */
export interface ConnectionMessage {
  /**
   * `ready`: the client is connected. `failed`: an attempt to connect has failed, or the connection
   * was lost. `unsafe`: a server was connected whose configuration or version may not be used.
   */
  readonly state: 'ready' | 'failed' | 'unsafe'
  /** Host and port, or the path of the socket; `null`: a Cluster, or found by Sentinels. */
  readonly server: string | null
  /** Why, without secrets; `null` with `ready`. */
  readonly error: StockholdError | null
}

/**
 * A process has read the state of a waiting room: the message of `stockhold:admission`. While
 * visitors wait it comes several times a second.
 */
export interface AdmissionMessage {
  readonly room: string
  readonly sale: string | null
  /** The server's time of the reading, epoch ms. */
  readonly serverTime: number
  readonly state: 'not_open' | 'open' | 'paused' | 'sold_out' | 'ended'
  /** Visitors in the queue without a pass. */
  readonly waiting: number
  /** Passes given since the room was created. */
  readonly admitted: number
  /** Turns that visitors have missed since the room was created. */
  readonly missedTurns: number
  /** Turns and passes that may still lead to a reservation. */
  readonly outstanding: number
  /** How many may be outstanding with the units available; `null` without a sale. */
  readonly capacity: number | null
  /** The rate that was asked for: visitors a second. */
  readonly ratePerSecond: number
  /** Turns called, a second: more than the rate if visitors do not take their turns. */
  readonly turnsPerSecond: number
}

/**
 * What happened to an event, or to a partition, in a consumer: the message of `stockhold:consumer`.
 */
export type ConsumerMessage = {
  readonly sale: string
  readonly group: string
  readonly partition: number
} & (
  | {
      /**
       * The handler has ended. `dead_letter`: it has failed for the last time; `failed`: it is
       * tried again.
       */
      readonly type: 'handled' | 'failed' | 'dead_letter'
      /** The type of the event: `confirmed`, `refund_due`, ... */
      readonly event: string
      /** 1 for the first attempt. */
      readonly attempt: number
      /** How long the handler took. ms */
      readonly durationMs: number
      /** What the handler has thrown. */
      readonly error?: unknown
    }
  /** Events were trimmed before this group had them. */
  | { readonly type: 'lost'; readonly events: number }
  /** The engine has an acknowledgement of this consumer. */
  | {
      readonly type: 'progress'
      /** The group has handled the events up to this sequence, except those that are parked. */
      readonly position: number
      /** The sequence of the partition's latest event, as far as this process knows. */
      readonly latest: number
      /** `latest - position`. */
      readonly lag: number
      /** Events set aside for another try, and dead letters, as far as this process knows. */
      readonly parked: number
      readonly dead: number
    }
)

/** A ledger has written events, or has failed to: the message of `stockhold:ledger`. */
export type LedgerMessage = {
  readonly sale: string
  readonly partition: number
} & (
  | {
      readonly type: 'written'
      /** How many events the transaction has written. */
      readonly events: number
      /** Events that were trimmed before the ledger had them. */
      readonly lost: number
      /** From reading the events to the end of the transaction. ms */
      readonly durationMs: number
      /** Every event up to this sequence is in the ledger. */
      readonly position: number
      /** The sequence of the partition's latest event, as far as this process knows. */
      readonly latest: number
      /** `latest - position`. */
      readonly lag: number
    }
  | { readonly type: 'failed'; readonly error: unknown }
)
