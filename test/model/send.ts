import type { FlashSale } from '../../src/sale/flash-sale.js'
import type { RefundOptions } from '../../src/sale/refund.js'
import type { Answer, Call } from './call.js'

/** Makes a call on a handle. */
export async function send(
  sale: FlashSale,
  call: Call,
  options: { signal?: AbortSignal } = {},
): Promise<Answer> {
  switch (call.do) {
    case 'create':
      return { status: 'created', ...(await sale.create(call.rules, options)) }
    case 'reserve': {
      const { buyer, household, items, key, holdMs } = call
      const given = { ...(key === null ? {} : { key }), ...(holdMs === null ? {} : { holdMs }) }
      return { ...(await sale.reserve({ buyer, household, items, ...given }, options)) }
    }
    case 'confirm': {
      const paid = call.paymentId === null ? {} : { paymentId: call.paymentId }
      return { ...(await sale.confirm(call.id, { ...own(call), ...paid, ...options })) }
    }
    case 'amend':
      return { ...(await sale.amend(call.id, { items: call.items, ...own(call), ...options })) }
    case 'release':
      return { ...(await sale.release(call.id, { ...own(call), ...options })) }
    case 'extend':
      return { ...(await sale.extend(call.id, { holdMs: call.holdMs, ...options })) }
    case 'refund':
      return { ...(await sale.refund(call.id, { ...refundOf(call), ...options })) }
    case 'transfer': {
      const from = call.from === null ? {} : { from: call.from }
      return { ...(await sale.transfer(call.id, { to: call.to, ...from, ...options })) }
    }
    case 'get': {
      const reservation = await sale.get(call.id, options)
      return reservation ? { status: 'found', reservation } : { status: 'not_found' }
    }
    case 'list': {
      const cursor = call.id === null ? {} : { cursor: call.id }
      const page = await sale.reservationsOf(call.buyer, { limit: call.limit, ...cursor, ...options })
      return { status: 'listed', page }
    }
    case 'restock': {
      const { sku, quantity, key } = call
      return { ...(await sale.restock({ sku, quantity, key }, options)) }
    }
    case 'setTotal': {
      const { sku, total, key } = call
      const at = call.countedAt === null ? {} : { countedAt: call.countedAt }
      return { ...(await sale.setTotal({ sku, total, key, ...at }, options)) }
    }
    case 'move': {
      const { from, to, quantity, key } = call
      return { ...(await sale.move({ from, to, quantity, key }, options)) }
    }
    case 'update':
      return { status: 'updated', ...(await sale.update(call.update, options)) }
    case 'destroy':
      return { ...(await sale.destroy({ force: call.force, ...options })) }
    case 'control':
      return { status: await sale[call.action](options) }
    case 'stats':
      return { status: 'stats', ...(await sale.stats(options)) }
  }
}

function own({ buyer }: { readonly buyer: string | null }) {
  return buyer === null ? {} : { buyer }
}

function refundOf({ restock, items, key }: Extract<Call, { do: 'refund' }>): RefundOptions {
  if (!items) return { restock, ...(key !== undefined && { key }) }
  if (key === undefined) throw new Error('A part needs a key.')
  return { restock, items, key }
}
