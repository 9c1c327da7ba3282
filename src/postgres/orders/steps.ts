import { StockholdError } from '../../errors.js'
import { anotherRefund } from '../../sale/refund.js'
import type { Reservation } from '../../sale/results.js'
import type { DeliverStep, RefundStep, ShipStep } from './options.js'
import type { LockedOrder, OrderChange, StoredShipment } from './order-tables.js'
import type { DeliverResult, LedgerOrder, LedgerRefundResult, Shipment, ShipResult } from './results.js'
import { covers, isSame, itemsOf, minus, NONE, plus, type Units, unitsOf } from './units.js'

/** The answer to a step, and what must be written before it is given. */
export interface Decision<A> {
  readonly answer: A
  readonly change?: OrderChange
}

/** Decides a shipment from the order's locked row. */
export function ship(sale: string, order: LockedOrder, step: ShipStep): Decision<ShipResult> {
  const { shipment, now } = order
  if (shipment) {
    if (!isRepeat(shipment, step)) throw anotherShipment()
    const answer = { status: 'shipped', shipment: shipmentOf(shipment), replayed: true } as const
    return { answer: { ...answer, order: orderOf(sale, order) } }
  }
  if (order.state !== 'confirmed') {
    const status = order.state === 'refunded' ? 'refunded' : 'not_confirmed'
    return { answer: { status, order: orderOf(sale, order) } }
  }
  const open = minus(order.items, order.shipped)
  const units = step.units ?? open
  if (units.size === 0 || !covers(open, units))
    return { answer: { status: 'exceeds_order', order: orderOf(sale, order) } }
  const { carrier, reference, units: asked } = step
  const added = { carrier, reference, units, asked, shippedAt: now, deliveredAt: null }
  const after = { ...order, shipped: plus(order.shipped, units), shippedAt: now }
  const answer = { status: 'shipped', shipment: shipmentOf(added), replayed: false } as const
  return {
    answer: { ...answer, order: orderOf(sale, after) },
    change: { order: after, shipment: added },
  }
}

/**
 * A repeated call may name what the first call did not: it is the same cart. One that names nothing
 * repeats only a call that named nothing either.
 */
function isRepeat(shipment: StoredShipment, { carrier, units }: ShipStep): boolean {
  if (shipment.carrier !== carrier) return false
  return units === null ? shipment.asked === null : isSame(shipment.units, units)
}

function anotherShipment(): StockholdError {
  return new StockholdError(
    'IDEMPOTENCY_CONFLICT',
    'The order has another shipment with this reference: the carrier or the items differ.',
  )
}

/**
 * Decides a receipt. Only shipments matter: what has left arrives, whatever has become of the order
 * since.
 */
export function deliver(sale: string, order: LockedOrder, step: DeliverStep): Decision<DeliverResult> {
  const { shipment, shipped, delivered, now } = order
  const { reference } = step
  if (reference === null ? shipped.size === 0 : !shipment)
    return { answer: { status: 'not_shipped', order: orderOf(sale, order) } }
  const rest = reference === null ? minus(shipped, delivered) : unreceived(shipment!)
  if (rest.size === 0) return { answer: { status: 'delivered', order: orderOf(sale, order), replayed: true } }
  const at = step.at ?? now
  const deliveredAt = Math.max(at, order.deliveredAt ?? 0)
  const after = { ...order, delivered: plus(delivered, rest), deliveredAt }
  return {
    answer: { status: 'delivered', order: orderOf(sale, after), replayed: false },
    change: { order: after, received: { reference, at } },
  }
}

function unreceived({ units, deliveredAt }: StoredShipment): Units {
  return deliveredAt === null ? units : NONE
}

/** Decides a refund of an order whose sale was removed, as the sale would. */
export function refund(order: LockedOrder, step: RefundStep): Decision<LedgerRefundResult> {
  const { state, items } = order
  const asked = step.items && unitsOf(step.items)
  const reservation = reservationOf(order)
  if (order.refund) {
    const before = order.refund.asked
    if (asked === null || before === null ? asked !== before : !isSame(asked, before)) throw anotherRefund()
    return { answer: { status: 'refunded', reservation, replayed: true } }
  }
  if (state === 'refunded' && asked === null)
    return { answer: { status: 'refunded', reservation, replayed: true } }
  if (state === 'refunded') return { answer: { status: 'exceeds_order', reservation } }
  if (state !== 'confirmed') return { answer: { status: 'not_confirmed', reservation } }
  if (asked !== null && !covers(items, asked)) return { answer: { status: 'exceeds_order', reservation } }
  const rest = asked === null ? NONE : minus(items, asked)
  const after: LockedOrder = rest.size === 0 ? { ...order, state: 'refunded' } : { ...order, items: rest }
  return {
    answer: { status: 'refunded', reservation: reservationOf(after), replayed: false },
    change: { order: after, refund: { key: step.key ?? '', asked, rest } },
  }
}

function orderOf(sale: string, order: LockedOrder): LedgerOrder {
  const { id, buyer, state, items, shipped, delivered } = order
  const open = state === 'confirmed' ? minus(items, shipped) : NONE
  return {
    ...{ sale, id, buyer, state, items: itemsOf(items), shipped: itemsOf(shipped) },
    ...{ delivered: itemsOf(delivered), open: itemsOf(open) },
  }
}

function shipmentOf({ carrier, reference, units, shippedAt, deliveredAt }: StoredShipment): Shipment {
  const sent = { carrier, reference, items: itemsOf(units), shippedAt }
  return deliveredAt === null ? sent : { ...sent, deliveredAt }
}

function reservationOf({ id, buyer, items: units, state, key, ...rest }: LockedOrder): Reservation {
  const { createdAt, expiresAt, paymentId } = rest
  const fixed = { id, buyer, items: itemsOf(units), state: state as Reservation['state'] }
  const reservation = { ...fixed, key, createdAt, expiresAt }
  return paymentId === null ? reservation : { ...reservation, paymentId }
}
