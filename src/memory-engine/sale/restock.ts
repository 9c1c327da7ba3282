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
  return { status: 'restocked', applied: state.restock(op), replayed: false }
}
