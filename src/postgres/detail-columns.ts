import type { Cart, FurtherPayment, KeyedRefund, RecordedReason, Rules } from '../engine/engine.js'
import { toText } from './text.js'

/** Columns of the rows of `further_payments` that a page of events inserts. */
export interface PaymentColumns {
  readonly reservation: string[]
  readonly paymentId: string[]
  readonly reason: RecordedReason[]
  readonly at: number[]
  readonly generation: number[]
  readonly sequence: number[]
}

/** Columns of the rows of `refunds` that a page of events inserts: the refunds with a key. */
export interface RefundColumns {
  /** Of the reservation. */
  readonly id: string[]
  readonly key: string[]
  readonly restock: boolean[]
  /** JSON; `null`: all that was left. */
  readonly items: (string | null)[]
  readonly at: number[]
  readonly generation: number[]
  readonly sequence: number[]
}

export function emptyPayments(): PaymentColumns {
  return { reservation: [], paymentId: [], reason: [], at: [], generation: [], sequence: [] }
}

export function emptyRefunds(): RefundColumns {
  return { id: [], key: [], restock: [], items: [], at: [], generation: [], sequence: [] }
}

export function pushPayment(
  rows: PaymentColumns,
  { id, paymentId, reason }: FurtherPayment,
  { at, generation, sequence }: { at: number; generation: number; sequence: number },
): void {
  rows.reservation.push(id)
  rows.paymentId.push(toText(paymentId))
  rows.reason.push(reason)
  rows.at.push(at)
  rows.generation.push(generation)
  rows.sequence.push(sequence)
}

export function pushRefund(
  rows: RefundColumns,
  { id, key, restock, cart }: KeyedRefund,
  { at, generation, sequence }: { at: number; generation: number; sequence: number },
  rules: Rules,
): void {
  rows.id.push(id)
  rows.key.push(toText(key))
  rows.restock.push(restock)
  rows.items.push(cart ? itemsOf(cart, rules) : null)
  rows.at.push(at)
  rows.generation.push(generation)
  rows.sequence.push(sequence)
}

/** The units of a cart by SKU, as JSON. */
export function itemsOf(cart: Cart, { skus }: Rules): string {
  if (cart.length === 1) return `{${JSON.stringify(toText(skus[cart[0]![0]]!.sku))}:${cart[0]![1]}}`
  return JSON.stringify(
    Object.fromEntries(cart.map(([skuIndex, units]) => [toText(skus[skuIndex]!.sku), units])),
  )
}
