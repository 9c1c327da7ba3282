import type { Answer, Op } from '../../engine/engine.js'
import { type PartitionState, retry, type Step } from './partition-state.js'

export function restock(state: PartitionState, op: Op<'restock'>, { overdue }: Step): Answer<'restock'> {
  const before = state.restocks.get(op.key)
  if (before) {
    const same = before.sku === op.sku && before.quantity === op.quantity
    return same ? { status: 'restocked', applied: before.applied, replayed: true } : { status: 'conflict' }
  }
  if (overdue || !state.stock.knows([[op.sku, 0]])) return retry
  const { available } = state.stock.of(op.sku)
  if (!op.final && available < -op.quantity) return { status: 'lacking', sku: op.sku, available }
  return { status: 'restocked', applied: carryOut(state, op), replayed: false }
}

function carryOut(state: PartitionState, { sku, quantity, key }: Op<'restock'>): number {
  const applied = state.stock.restock(sku, quantity)
  state.restocks.set(key, { sku, quantity, applied })
  state.append({ type: 'restocked', sku, quantity, key, applied })
  if (applied > 0) state.returns++
  if (applied < 0) state.announceSoldOut([[sku, -applied]])
  if (applied > 0) state.cameBack([[sku, applied]])
  return applied
}
