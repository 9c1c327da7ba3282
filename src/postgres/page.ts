import { cartAsOf, leavesOrder } from '../engine/carts.js'
import type {
  ChangedCart,
  FinalAnswer,
  Rules,
  RulesChanges,
  StoredEvent,
  StoredReservation,
} from '../engine/engine.js'
import {
  emptyPayments,
  emptyRefunds,
  itemsOf,
  type PaymentColumns,
  pushPayment,
  pushRefund,
  type RefundColumns,
} from './detail-columns.js'
import { toText } from './text.js'

/** The state of a reservation in the ledger. */
export type LedgerState = StoredReservation['state'] | 'forgotten'

/**
 * Columns of the rows that a page of events adds to `events`, all of one length. Times in epoch ms.
 */
interface EventColumns {
  readonly sequence: number[]
  readonly at: number[]
  readonly type: string[]
  readonly reservation: (string | null)[]
  readonly expiresAt: (number | null)[]
  /** JSON. */
  readonly details: (string | null)[]
}

/** Columns of the rows of `reservations` that a page of events inserts or updates. */
export interface ReservationColumns {
  readonly id: string[]
  readonly buyer: string[]
  readonly household: (string | null)[]
  /** JSON: units by SKU. */
  readonly items: string[]
  /** The items of the first request, once the cart was changed. */
  readonly firstItems: (string | null)[]
  /** How often the cart was changed. */
  readonly changes: number[]
  /** The items before the first part was refunded, and how often they had been changed. */
  readonly orderedItems: (string | null)[]
  readonly orderedChanges: (number | null)[]
  readonly state: LedgerState[]
  readonly key: (string | null)[]
  readonly createdAt: number[]
  readonly expiresAt: number[]
  readonly paymentId: (string | null)[]
  readonly refundDue: (string | null)[]
  readonly restocked: (boolean | null)[]
  readonly changedAt: number[]
  readonly generation: number[]
  readonly sequence: number[]
}

export type SaleChange = 'open' | 'paused' | 'ended'

/** The rows that a page of events writes. */
export interface Batch {
  readonly events: EventColumns
  readonly reservations: ReservationColumns
  readonly payments: PaymentColumns
  readonly refunds: RefundColumns
  /** The sale's state, if an event of the page changes it. */
  readonly sale: SaleChange | null
}

/** One reservation after the events of a page; `null` where they change nothing. */
interface Outcome {
  state: LedgerState | null
  expiresAt: number | null
  isPaid: boolean
  refundDue: string | null
  restocked: boolean | null
  changedAt: number
  sequence: number
  /** The cart, if it was changed before. */
  changed: ChangedCart | undefined
}

export function emptyReservations(): ReservationColumns {
  return {
    id: [],
    buyer: [],
    household: [],
    items: [],
    firstItems: [],
    changes: [],
    orderedItems: [],
    orderedChanges: [],
    state: [],
    key: [],
    createdAt: [],
    expiresAt: [],
    paymentId: [],
    refundDue: [],
    restocked: [],
    changedAt: [],
    generation: [],
    sequence: [],
  }
}

/**
 * The rows of a page. A reservation's changes are taken from its events alone: the reservations of
 * a page are in their present state, and the events that led to it may be on a later page. Only the
 * values that never change are taken from the reservations, and the state of one that was amended
 * and nothing else: a later page tells the same.
 */
export function batchOf({ events, generation, reservations }: FinalAnswer<'events'>, rules: Rules): Batch {
  const columns: EventColumns = {
    sequence: [],
    at: [],
    type: [],
    reservation: [],
    expiresAt: [],
    details: [],
  }
  const outcomes = new Map<string, Outcome>()
  const payments = emptyPayments()
  const refunds = emptyRefunds()
  let sale: SaleChange | null = null
  for (const event of events) {
    columns.sequence.push(event.sequence)
    columns.at.push(event.at)
    columns.type.push(event.type)
    columns.reservation.push('id' in event ? event.id : null)
    columns.expiresAt.push('expiresAt' in event ? event.expiresAt : null)
    columns.details.push(detailsOf(event, rules))
    if ('id' in event) outcomes.set(event.id, outcomeOf(event, outcomes.get(event.id)))
    if (event.type === 'refund_due' && event.further) {
      const { at, sequence, id, reason, further } = event
      pushPayment(payments, { id, paymentId: further.paymentId, reason }, { at, generation, sequence })
    }
    if (event.type === 'refunded' && event.key !== undefined) {
      const { at, sequence, id, key, restock, part } = event
      pushRefund(refunds, { id, key, restock, cart: part }, { at, generation, sequence }, rules)
    }
    sale = saleChange[event.type] ?? sale
  }
  const stored = new Map(reservations.map((reservation) => [reservation.id, reservation]))
  const rows = emptyReservations()
  for (const [id, outcome] of outcomes) {
    const reservation = stored.get(id)
    // A reservation that the sale does not have any more is found by the comparison after a loss.
    if (reservation) push(rows, reservation, outcome, generation, rules)
  }
  return { events: columns, reservations: rows, payments, refunds, sale }
}

const saleChange: { readonly [T in StoredEvent['type']]?: SaleChange } = {
  paused: 'paused',
  resumed: 'open',
  ended: 'ended',
}

function outcomeOf(event: Extract<StoredEvent, { id: string }>, before: Outcome | undefined): Outcome {
  const outcome: Outcome = before ?? {
    state: null,
    expiresAt: null,
    isPaid: false,
    refundDue: null,
    restocked: null,
    changedAt: 0,
    sequence: 0,
    changed: undefined,
  }
  outcome.changedAt = event.at
  outcome.sequence = event.sequence
  outcome.changed = event.changed
  switch (event.type) {
    case 'reserved':
    case 'extended':
      outcome.state = 'held'
      outcome.expiresAt = event.expiresAt
      break
    case 'paid':
      outcome.state = event.state
      outcome.isPaid = true
      break
    case 'departed':
    case 'settled':
      outcome.state = 'transferred'
      break
    case 'returned':
    case 'transferred':
      outcome.state = event.state
      outcome.expiresAt = event.expiresAt
      outcome.isPaid ||= event.state === 'confirmed'
      break
    case 'amended': // It was a hold, or a recovery has changed the cart of one that is over.
      break
    case 'refund_due':
      if (event.further) {
        outcome.state = event.further.state
        break
      }
      // The reason is the state: only a released or an expired reservation can be paid for in
      // vain.
      outcome.state = event.reason === 'released' ? 'released' : 'expired'
      outcome.refundDue = event.reason
      outcome.isPaid = true
      break
    case 'refunded':
      outcome.state = leavesOrder(event) ? 'confirmed' : 'refunded'
      if (outcome.state === 'refunded') outcome.restocked = event.restock
      outcome.isPaid = true
      break
    default:
      outcome.state = event.type as LedgerState
      outcome.isPaid ||= event.type === 'confirmed'
  }
  return outcome
}

function push(
  rows: ReservationColumns,
  stored: StoredReservation,
  outcome: Outcome,
  generation: number,
  rules: Rules,
): void {
  rows.id.push(stored.id)
  rows.buyer.push(toText(stored.buyer))
  rows.household.push(stored.household === undefined ? null : toText(stored.household))
  rows.items.push(itemsOf(cartAsOf(outcome, stored), rules))
  const first = outcome.changed && stored.changes?.first
  rows.firstItems.push(first ? itemsOf(first, rules) : null)
  const changes = outcome.changed?.count ?? 0
  rows.changes.push(changes)
  const { ordered } = stored.changes ?? {}
  const isReduced = ordered !== undefined && changes > ordered.count
  rows.orderedItems.push(isReduced ? itemsOf(ordered.cart, rules) : null)
  rows.orderedChanges.push(isReduced ? ordered.count : null)
  const state = outcome.state ?? stored.state
  rows.state.push(state)
  rows.key.push(stored.key === null ? null : toText(stored.key))
  rows.createdAt.push(stored.createdAt)
  // Only the expiry of a hold can still change.
  rows.expiresAt.push((state === 'held' ? outcome.expiresAt : null) ?? stored.expiresAt)
  rows.paymentId.push(outcome.isPaid && stored.paymentId !== null ? toText(stored.paymentId) : null)
  rows.refundDue.push(outcome.refundDue)
  rows.restocked.push(outcome.restocked)
  rows.changedAt.push(outcome.changedAt)
  rows.generation.push(generation)
  rows.sequence.push(outcome.sequence)
}

/** Adds a reservation as the sale has it, after the event of that sequence. */
export function pushStored(
  rows: ReservationColumns,
  stored: StoredReservation,
  at: { readonly generation: number; readonly sequence: number; readonly now: number },
  rules: Rules,
): void {
  const isPaid = stored.paymentId !== null
  const { cart, changes } = stored
  const changed = changes && { cart, count: changes.count }
  const outcome = {
    refundDue: null,
    restocked: null,
    changedAt: at.now,
    sequence: at.sequence,
    isPaid,
    changed,
  }
  push(rows, stored, { ...outcome, state: stored.state, expiresAt: stored.expiresAt }, at.generation, rules)
}

/** A move, and what is like it, names its second SKU too. */
function nameTarget<E extends StoredEvent>(event: E, skus: Rules['skus']): E {
  const isMove = event.type === 'moved' || event.type === 'redirected'
  return isMove ? { ...event, to: skus[event.to]!.sku } : event
}

/** What an update has changed, with the names of SKUs as texts. */
function textsOf(changes: RulesChanges | null): object {
  if (changes === null) return {}
  const named = (units: object) =>
    Object.fromEntries(Object.entries(units).map(([sku, value]) => [toText(sku), value]))
  const { limits, skus, ...rest } = changes
  const texts = Object.entries({ ...rest, ...(skus && { skus: ownRules(skus) }) }).map(
    ([name, value]) => [name, typeof value === 'object' && value ? named(value) : value] as const,
  )
  const shared =
    limits === undefined
      ? {}
      : { limits: limits?.map((one) => ({ ...one, skus: one.skus.map(toText) })) ?? null }
  return { changes: { ...Object.fromEntries(texts), ...shared } }
}

function ownRules(skus: NonNullable<RulesChanges['skus']>): typeof skus {
  const entries = Object.entries(skus).map(([sku, { returnsTo, ...rest }]) => {
    const named = returnsTo === undefined ? rest : { ...rest, returnsTo: returnsTo && toText(returnsTo) }
    return [sku, named] as const
  })
  return Object.fromEntries(entries)
}

function detailsOf(event: StoredEvent, rules: Rules): string | null {
  switch (event.type) {
    case 'amended': {
      const [before, items] = [itemsOf(event.before, rules), itemsOf(event.changed.cart, rules)]
      return `{"before":${before},"items":${items}}`
    }
    case 'departed':
      return JSON.stringify({ to: event.to })
    case 'bound':
      return JSON.stringify({ buyer: toText(event.buyer), household: toText(event.household) })
    case 'transferred':
      return JSON.stringify({ from: event.from, sender: toText(event.sender) })
    case 'refunded': {
      const { restock, key, part } = event
      const named = { restock, ...(key !== undefined && { key: toText(key) }) }
      return JSON.stringify(part ? { ...named, items: JSON.parse(itemsOf(part, rules)) } : named)
    }
    case 'refund_due': {
      const { reason, further } = event
      return JSON.stringify(further ? { reason, paymentId: toText(further.paymentId) } : { reason })
    }
    case 'updated':
      return JSON.stringify({ revision: event.revision, ...textsOf(event.changes) })
    case 'restocked':
    case 'sold_out':
    case 'sent':
    case 'received':
    case 'total_set':
    case 'debt_taken':
    case 'withheld':
    case 'counted':
    case 'redirected':
    case 'moved': {
      const { sequence: _, at: __, type: ___, sku, ...rest } = nameTarget(event, rules.skus)
      const texts = Object.entries(rest).map(([name, value]) => [
        name,
        typeof value === 'string' ? toText(value) : value,
      ])
      return JSON.stringify({ sku: toText(rules.skus[sku]!.sku), ...Object.fromEntries(texts) })
    }
    default:
      return null
  }
}
