import { checkRefund } from '../../sale/command-options.js'
import { checkItems } from '../../sale/reserve-request.js'
import type { Item } from '../../sale/results.js'
import {
  checkId,
  checkInteger,
  checkMoment,
  checkOptionalId,
  checkOptions,
  MAX_SPAN_MS,
  type Names,
} from '../../validation.js'
import type { DeliverOptions, LedgerRefundOptions, PayoutOptions, ShipOptions } from './results.js'
import { type Units, unitsOf } from './units.js'

const SHIP: Names<ShipOptions> = { carrier: true, reference: true, items: true }
const DELIVER: Names<DeliverOptions> = { at: true, reference: true }
const REFUND: Names<LedgerRefundOptions> = { restock: true, items: true, key: true }
const PAYOUT: Names<PayoutOptions> = { deliveredFor: true, key: true, limit: true }

/** The most orders in one batch of payouts. */
const MAX_ORDERS = 10_000

export interface ShipStep {
  readonly type: 'ship'
  readonly carrier: string
  readonly reference: string
  /** `null`: everything that is open. */
  readonly units: Units | null
}

export interface DeliverStep {
  readonly type: 'deliver'
  /** `null`: every shipment that has not been delivered. */
  readonly reference: string | null
  /** In epoch ms; `null`: now. */
  readonly at: number | null
}

export interface RefundStep {
  readonly type: 'refund'
  readonly restock: boolean
  /** `null`: the whole order. */
  readonly items: readonly Item[] | null
  readonly key: string | null
}

export interface PayoutRequest {
  readonly deliveredFor: number
  readonly key: string
  readonly limit: number
}

export function checkShipOptions(options: ShipOptions): ShipStep {
  const { carrier, reference, items } = checkOptions(options, 'options', SHIP)
  return {
    type: 'ship',
    carrier: checkId(carrier, 'carrier'),
    reference: checkId(reference, 'reference'),
    units: items === undefined ? null : unitsOf(checkItems(items)),
  }
}

export function checkDeliverOptions(options: DeliverOptions): DeliverStep {
  const { at, reference } = checkOptions(options, 'options', DELIVER)
  return {
    type: 'deliver',
    reference: checkOptionalId(reference, 'reference'),
    at: at === undefined ? null : checkMoment(at, 'at'),
  }
}

export function checkLedgerRefundOptions(options: LedgerRefundOptions): RefundStep {
  return { type: 'refund', ...checkRefund(checkOptions(options, 'options', REFUND)) }
}

export function checkPayoutOptions(options: PayoutOptions): PayoutRequest {
  const { deliveredFor, key, limit = 1_000 } = checkOptions(options, 'options', PAYOUT)
  return {
    deliveredFor: checkInteger(deliveredFor, 'deliveredFor', 0, MAX_SPAN_MS),
    key: checkId(key, 'key'),
    limit: checkInteger(limit, 'limit', 1, MAX_ORDERS),
  }
}
