import { covers, minus, NONE, type Units } from './units.js'

/** An order that is due, locked. */
export interface DueOrder {
  readonly sale: string
  readonly id: string
  readonly isConfirmed: boolean
  readonly units: Units
  readonly delivered: Units
  /** Units whose money the seller has; `null` before the payout. */
  readonly paidOut: Units | null
}

/** An order in a batch. */
export interface PayoutLine {
  readonly type: 'order' | 'refunded'
  readonly sale: string
  readonly id: string
  readonly units: Units
}

/** What a batch makes of an order that is due. */
export interface Decided {
  readonly order: DueOrder
  readonly paidOut: Units | null
  readonly line: PayoutLine | undefined
}

/**
 * Decides what a batch pays for an order that is due, or deducts of it.
 */
export function decide(order: DueOrder): Decided {
  const { sale, id, isConfirmed, delivered, paidOut } = order
  const units = isConfirmed ? order.units : NONE
  if (paidOut === null) {
    // Otherwise the next delivery, or the next refund of a part, makes the order due again.
    const isPayable = units.size > 0 && covers(delivered, units)
    if (!isPayable) return { order, paidOut: null, line: undefined }
    return { order, paidOut: units, line: { type: 'order', sale, id, units } }
  }
  const refunded = minus(paidOut, units)
  const line = refunded.size > 0 ? ({ type: 'refunded', sale, id, units: refunded } as const) : undefined
  return { order, paidOut: minus(paidOut, refunded), line }
}
