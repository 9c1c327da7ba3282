import { cartAsOf, leavesOrder } from '../engine/carts.js'
import type { Cart, Rules, RulesChanges, StoredEvent, StoredReservation } from '../engine/engine.js'
import { StockholdError } from '../errors.js'
import type { Item, RefundReason, Reservation, ReservationState } from '../sale/results.js'

/** Where and when an event happened. */
export interface EventOffset {
  /**
   * `<partition>-<generation>-<sequence>`: the same in each delivery of the event, and unique.
   * Within a partition, events are ordered by `generation`, then `sequence`, as numbers; between
   * partitions there is no order.
   */
  readonly id: string
  /** Epoch ms of the server's clock. */
  readonly at: number
  readonly partition: number
  /**
   * 1, and more after each recovery: a history that was rolled back continues as a later
   * generation.
   */
  readonly generation: number
  /**
   * Counts the partition's events from 1. Events that only concern the engine are counted, and not
   * delivered.
   */
  readonly sequence: number
}

/**
 * A change of a sale. `reservation` is its state right after the change, not its present state.
 *
 * - `reserved`, `extended`: the reservation is held until `reservation.expiresAt`.
 * - `amended`: the cart of a hold was changed; `before` is the cart that it was before.
 * - `transferred`: the hold or order was given to another buyer; `from` is what it was before.
 *   Later events have the new id. Between the two ids there is no order.
 * - `confirmed`: the reservation is paid for and final. A warehouse ships on this event.
 * - `released`, `expired`: the units are on sale again. An expired reservation may still become
 *   `confirmed`, by a late payment that found stock.
 * - `refund_due`: a payment came that cannot be honoured: refund the payment `paymentId`. There is
 *   one such event for each payment. With `duplicate_payment` the reservation is the order of
 *   another payment, `reservation.paymentId`, and stays one.
 * - `refunded`: the shop took an order back, or a part of it: `items` are the units, with `restock`
 *   they are on sale again, and `key` is that of the call. `reservation` is `refunded`, or what is
 *   left of the order, `confirmed`.
 * - `restocked`: `applied` units were added, or removed (negative), of the `quantity` requested
 *   with `key`.
 * - `total_set`: a stock count has set the total of a SKU; `applied` is by how much that changed
 *   the total, and `owed` how many units are still to be removed, as they come back.
 * - `debt_taken`: `quantity` units that came back were removed for a count that was `owed` them.
 * - `moved`: `applied` units became units of the SKU `to`, of the `quantity` requested with `key`.
 * - `redirected`: `quantity` units came back, and became units of the SKU `to`, which `sku` returns
 *   to; or a late payment for `to` has taken them from there.
 * - `sold_out`: the last available unit of a SKU was taken; in a sale of several partitions, the
 *   last unit of that partition's share.
 * - `paused`, `resumed`, `ended`: once for each partition.
 * - `updated`: the rules were changed; once for the sale. `changes` has the new values, by the
 *   names of `sale.update`, times as epoch ms.
 */
export type SaleEvent = EventOffset &
  (
    | {
        readonly type: 'reserved' | 'extended' | 'confirmed' | 'released' | 'expired'
        readonly reservation: Reservation
      }
    | { readonly type: 'amended'; readonly reservation: Reservation; readonly before: readonly Item[] }
    | {
        readonly type: 'refunded'
        readonly reservation: Reservation
        readonly restock: boolean
        readonly items: readonly Item[]
        /** Absent if `refund` was called without one. */
        readonly key?: string | undefined
      }
    | {
        readonly type: 'transferred'
        readonly reservation: Reservation
        readonly from: { readonly id: string; readonly buyer: string }
      }
    | {
        readonly type: 'refund_due'
        readonly reservation: Reservation
        readonly reason: RefundReason
        /** Absent if `confirm` was called without one. */
        readonly paymentId?: string | undefined
      }
    | {
        readonly type: 'restocked'
        readonly sku: string
        readonly quantity: number
        readonly key: string
        readonly applied: number
        readonly reservation?: undefined
      }
    | {
        readonly type: 'total_set'
        readonly sku: string
        readonly total: number
        readonly key: string
        readonly countedAt: number
        readonly applied: number
        readonly owed: number
        readonly reservation?: undefined
      }
    | {
        readonly type: 'debt_taken'
        readonly sku: string
        readonly quantity: number
        readonly reservation?: undefined
      }
    | {
        readonly type: 'moved'
        readonly sku: string
        readonly to: string
        readonly quantity: number
        readonly key: string
        readonly applied: number
        readonly reservation?: undefined
      }
    | {
        readonly type: 'redirected'
        readonly sku: string
        readonly to: string
        readonly quantity: number
        readonly reservation?: undefined
      }
    | { readonly type: 'sold_out'; readonly sku: string; readonly reservation?: undefined }
    | { readonly type: 'paused' | 'resumed' | 'ended'; readonly reservation?: undefined }
    | {
        readonly type: 'updated'
        readonly revision: number
        readonly changes: RulesChanges
        readonly reservation?: undefined
      }
  )

/** The types of events that consumers receive. */
export type SaleEventType = SaleEvent['type']

/**
 * The history that an event was read from: a partition's present generation, and the sequence at
 * which it left the generation before.
 */
export interface History {
  readonly partition: number
  readonly generation: number
  readonly since: number
}

const INTERNAL = [
  'sent',
  'received',
  'departed',
  'settled',
  'returned',
  'bound',
  'counted',
  'paid',
  'withheld',
] as const

type Delivered = Exclude<StoredEvent, { readonly type: (typeof INTERNAL)[number] }>

function isOfEngine(event: StoredEvent): event is Exclude<StoredEvent, Delivered> {
  return (INTERNAL as readonly string[]).includes(event.type)
}

/** Whether an event only concerns the engine, and is not delivered. */
export function isInternal(event: StoredEvent): boolean {
  return isOfEngine(event) || (event.type === 'updated' && event.changes === null)
}

/**
 * Converts an event to its public form; `undefined` for an event that only concerns the engine.
 *
 * @param stored The reservation of the event, in its present state.
 */
export function toEvent(
  event: StoredEvent,
  stored: StoredReservation | undefined,
  rules: Rules,
  history: History,
): SaleEvent | undefined {
  if (isOfEngine(event)) return undefined
  const { partition } = history
  const { sequence, at, type } = event
  const generation = generationOf(sequence, history)
  const id = `${partition}-${generation}-${sequence}`
  switch (type) {
    case 'total_set': {
      const { total, key, countedAt, applied, owed } = event
      const sku = rules.skus[event.sku]!.sku
      return { id, type, at, partition, generation, sequence, sku, total, key, countedAt, applied, owed }
    }
    case 'debt_taken': {
      const sku = rules.skus[event.sku]!.sku
      return { id, type, at, partition, generation, sequence, sku, quantity: event.quantity }
    }
    case 'moved': {
      const { quantity, key, applied } = event
      const [sku, to] = [rules.skus[event.sku]!.sku, rules.skus[event.to]!.sku]
      return { id, type, at, partition, generation, sequence, sku, to, quantity, key, applied }
    }
    case 'redirected': {
      const [sku, to] = [rules.skus[event.sku]!.sku, rules.skus[event.to]!.sku]
      return { id, type, at, partition, generation, sequence, sku, to, quantity: event.quantity }
    }
    case 'updated': {
      const { revision, changes } = event
      if (changes === null) return undefined
      return { id, type, at, partition, generation, sequence, revision, changes }
    }
    case 'paused':
    case 'resumed':
    case 'ended':
      return { id, type, at, partition, generation, sequence }
    case 'sold_out':
      return { id, type, at, partition, generation, sequence, sku: rules.skus[event.sku]!.sku }
    case 'restocked':
      return {
        id,
        type,
        at,
        partition,
        generation,
        sequence,
        sku: rules.skus[event.sku]!.sku,
        quantity: event.quantity,
        key: event.key,
        applied: event.applied,
      }
    case 'reserved':
    case 'extended': {
      const reservation = asOf(event, stored, rules, 'held', event.expiresAt)
      return { id, type, at, partition, generation, sequence, reservation }
    }
    case 'amended': {
      const reservation = asOf(event, stored, rules, 'held')
      const before = itemsOf(event.before, rules)
      return { id, type, at, partition, generation, sequence, reservation, before }
    }
    case 'confirmed':
    case 'released':
    case 'expired':
      return { id, type, at, partition, generation, sequence, reservation: asOf(event, stored, rules, type) }
    case 'refunded': {
      const { restock, key, part } = event
      const reservation = asOf(event, stored, rules, leavesOrder(event) ? 'confirmed' : type)
      const items = part ? itemsOf(part, rules) : reservation.items
      const told = { id, type, at, partition, generation, sequence, reservation, restock, items }
      return key === undefined ? told : { ...told, key }
    }
    case 'transferred': {
      const reservation = asOf(event, stored, rules, event.state, event.expiresAt)
      const from = { id: event.from, buyer: event.sender }
      return { id, type, at, partition, generation, sequence, reservation, from }
    }
    case 'refund_due': {
      const { reason, further } = event
      // The first payment was for a released or expired reservation, and did not change its state.
      const state = further?.state ?? (reason === 'released' ? 'released' : 'expired')
      const reservation = asOf(event, stored, rules, state)
      const paymentId = further?.paymentId ?? reservation.paymentId
      const told = { id, type, at, partition, generation, sequence, reservation, reason }
      return paymentId === undefined ? told : { ...told, paymentId }
    }
  }
}

/**
 * As {@link toEvent}, for a dead letter: a reservation that does not exist any more has its id and
 * nothing else, so that the event can still be reported.
 */
export function toDeadEvent(
  event: StoredEvent,
  stored: StoredReservation | undefined,
  rules: Rules,
  history: History,
): SaleEvent | undefined {
  const known = stored ?? ('id' in event ? unknownReservation(event.id, event.at) : undefined)
  return toEvent(event, known, rules, history)
}

function unknownReservation(id: string, at: number): StoredReservation {
  const none = { buyer: '', cart: [], key: null, paymentId: null } as const
  return { id, ...none, state: 'held', createdAt: at, expiresAt: at }
}

/**
 * The generation of an event. If a history was recovered more than once, only the latest two
 * generations can be told apart: older events count to the one before the present.
 */
export function generationOf(sequence: number, { generation, since }: History): number {
  return sequence > since ? generation : Math.max(1, generation - 1)
}

/** The parts of an event's id; `undefined` if the text is no event's id. */
export function parseEventId(
  id: string,
): { readonly partition: number; readonly generation: number; readonly sequence: number } | undefined {
  const match = /^(0|[1-9]\d{0,3})-([1-9]\d{0,9})-([1-9]\d{0,14})$/.exec(id)
  return match
    ? { partition: Number(match[1]), generation: Number(match[2]), sequence: Number(match[3]) }
    : undefined
}

/** Events after which the payment is known. Before them a reservation has no payment. */
const paid: ReadonlySet<StoredEvent['type']> = new Set(['confirmed', 'refund_due', 'refunded'])

function asOf(
  event: Extract<StoredEvent, { readonly id: string }>,
  stored: StoredReservation | undefined,
  rules: Rules,
  state: ReservationState,
  // Nothing extends a hold once it has ended, so the stored value is the value of the event.
  expiresAt = stored?.expiresAt,
): Reservation {
  if (stored === undefined || expiresAt === undefined)
    throw new StockholdError(
      'STATE_LOST',
      `event ${event.sequence} speaks of a reservation that is not there`,
    )
  const { id, buyer, key, createdAt, paymentId } = stored
  const items = itemsOf(cartAsOf(event, stored), rules)
  const isPaid = paid.has(event.type) || (event.type === 'transferred' && event.state === 'confirmed')
  return paymentId !== null && isPaid
    ? { id, buyer, items, state, key, createdAt, expiresAt, paymentId }
    : { id, buyer, items, state, key, createdAt, expiresAt }
}

function itemsOf(cart: Cart, { skus }: Rules): Item[] {
  return cart.map(([skuIndex, quantity]) => ({ sku: skus[skuIndex]!.sku, quantity }))
}
