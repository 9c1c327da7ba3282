import type { Cart, Op } from '../../../src/engine/engine.js'
import type { Item } from '../../../src/sale/results.js'
import { applyUpdate, checkUpdate, type RulesUpdate } from '../../../src/sale/rules-update.js'
import type { Call } from '../../model/call.js'

/**
 * Whether this item on the wire is what the call asks for. Two that ask the same of the same
 * process are as good as one another.
 *
 * @param skus By their place.
 */
export function isOf(call: Call, command: string, op: object, skus: readonly string[]): boolean {
  const item = op as Record<string, unknown>
  if (call.do !== command) return false
  switch (call.do) {
    case 'reserve':
      return (
        item.buyer === call.buyer &&
        item.key === call.key &&
        (call.holdMs === null || item.holdMs === call.holdMs) &&
        sameUnits(call.items, item.cart as Cart, skus)
      )
    case 'confirm':
      return item.id === call.id && item.buyer === call.buyer && item.paymentId === call.paymentId
    case 'amend':
      return (
        item.id === call.id && item.buyer === call.buyer && sameUnits(call.items, item.cart as Cart, skus)
      )
    case 'release':
      return item.id === call.id && item.buyer === call.buyer
    case 'extend':
      return item.id === call.id && item.holdMs === call.holdMs
    case 'refund':
      return (
        item.id === call.id &&
        item.restock === call.restock &&
        item.key === call.key &&
        (call.items ? sameUnits(call.items, (item.cart ?? []) as Cart, skus) : item.cart === undefined)
      )
    case 'transfer': {
      const { receiver, from } = (item.wish ?? {}) as { receiver?: string; from?: string | null }
      return item.id === call.id && receiver === call.to && from === call.from
    }
    case 'list':
      return item.buyer === call.buyer && item.after === call.id && item.most === call.limit
    case 'get':
      return item.id === call.id
    case 'restock':
      return item.key === call.key && item.quantity === call.quantity && skus[item.sku as number] === call.sku
    case 'setTotal':
      return item.key === call.key && item.total === call.total && skus[item.sku as number] === call.sku
    case 'move':
      return (
        item.key === call.key && item.quantity === call.quantity && skus[item.from as number] === call.from
      )
    case 'control':
      return item.action === call.action
    case 'update':
      return item.after !== null && sets(call.update, op as Op<'update'>)
    case 'create':
    case 'destroy':
    case 'stats':
      return true
  }
}

/** Whether the rules of this request are what the update asks for: it changes nothing of them. */
function sets(update: RulesUpdate, { rules, changes }: Op<'update'>): boolean {
  const named = Object.keys(changes ?? {}).every((rule) => rule in update)
  return named && applyUpdate(rules, checkUpdate(update)) === undefined
}

function sameUnits(items: readonly Item[], cart: Cart, skus: readonly string[]): boolean {
  const wanted = new Map<string, number>()
  for (const { sku, quantity } of items) wanted.set(sku, (wanted.get(sku) ?? 0) + quantity)
  return cart.length === wanted.size && cart.every(([place, units]) => wanted.get(skus[place]!) === units)
}
