import { invalid } from '../errors.js'
import {
  checkBoolean,
  checkId,
  checkInteger,
  checkMoment,
  checkOptionalId,
  checkOptions,
  MAX_SPAN_MS,
  MAX_UNITS,
  type SignalOption,
} from '../validation.js'
import { checkItems, checkPass } from './reserve-request.js'

const RELEASE = { buyer: true, signal: true } as const
const CONFIRM = { ...RELEASE, paymentId: true } as const
const AMEND = { ...RELEASE, items: true, pass: true } as const
const EXTEND = { holdMs: true, signal: true } as const
const REFUND = { restock: true, items: true, key: true, signal: true } as const
const TRANSFER = { to: true, from: true, signal: true } as const
const LIST = { limit: true, cursor: true, signal: true } as const
const RESTOCK = { sku: true, quantity: true, key: true } as const
const MOVE = { from: true, to: true, quantity: true, key: true } as const
const SET_TOTAL = { sku: true, total: true, key: true, countedAt: true } as const

/** Checks the options of the methods of a `FlashSale`, besides the id and the signal. */
export function checkConfirmOptions(options: object) {
  const { buyer, paymentId } = checkOptions(options, 'options', CONFIRM)
  return { buyer: checkOptionalId(buyer, 'buyer'), paymentId: checkOptionalId(paymentId, 'paymentId') }
}

export function checkReleaseOptions(options: object) {
  return { buyer: checkOptionalId(checkOptions(options, 'options', RELEASE).buyer, 'buyer') }
}

export function checkAmendOptions(options: object) {
  const { items, buyer, pass } = checkOptions(options, 'options', AMEND)
  return { items: checkItems(items), buyer: checkOptionalId(buyer, 'buyer'), pass: checkPass(pass) }
}

export function checkExtendOptions(options: object) {
  const { holdMs } = checkOptions(options, 'options', EXTEND)
  return { holdMs: checkInteger(holdMs, 'holdMs', 1, MAX_SPAN_MS) }
}

export function checkRefundOptions(options: object) {
  return checkRefund(checkOptions(options, 'options', REFUND))
}

/** The options of a refund, in a sale or after its removal. */
export function checkRefund({ restock, items, key }: { restock?: unknown; items?: unknown; key?: unknown }) {
  if (items !== undefined && key === undefined)
    throw invalid('key', 'must be given with items: a repeated call refunds a part once')
  return {
    restock: checkBoolean(restock, 'restock'),
    items: items === undefined ? null : checkItems(items),
    key: checkOptionalId(key, 'key'),
  }
}

export function checkTransferOptions(options: object) {
  const { to, from } = checkOptions(options, 'options', TRANSFER)
  return { to: checkId(to, 'to'), from: checkOptionalId(from, 'from') }
}

export function checkListOptions(options: object) {
  const { limit = 20, cursor } = checkOptions(options, 'options', LIST)
  return { most: checkInteger(limit, 'limit', 1, 100), after: checkOptionalId(cursor, 'cursor') }
}

export function checkRestockOptions(restock: object) {
  const given = checkOptions(restock, 'restock', RESTOCK)
  const sku = checkId(given.sku, 'sku')
  const quantity = checkInteger(given.quantity, 'quantity', -MAX_UNITS, MAX_UNITS)
  if (quantity === 0) throw invalid('quantity', 'must not be 0')
  return { sku, quantity, key: checkId(given.key, 'key') }
}

export function checkMoveOptions(move: object) {
  const given = checkOptions(move, 'move', MOVE)
  const [from, to] = [checkId(given.from, 'from'), checkId(given.to, 'to')]
  if (from === to) throw invalid('to', `must be another SKU than ${JSON.stringify(from)}`)
  const quantity = checkInteger(given.quantity, 'quantity', 1, MAX_UNITS)
  return { from, to, quantity, key: checkId(given.key, 'key') }
}

export function checkSetTotalOptions(count: object) {
  const given = checkOptions(count, 'count', SET_TOTAL)
  const sku = checkId(given.sku, 'sku')
  const total = checkInteger(given.total, 'total', 0, MAX_UNITS)
  const countedAt = given.countedAt === undefined ? null : checkMoment(given.countedAt, 'countedAt')
  return { sku, total, key: checkId(given.key, 'key'), countedAt }
}

/** Only the signal, from options that have more fields. */
export function signalOf({ signal }: SignalOption): SignalOption {
  return { signal }
}
