import type { Answer, Op } from '../../engine/engine.js'
import type { Moved } from './counts.js'
import { type PartitionState, retry, type Step } from './partition-state.js'

export function move(state: PartitionState, op: Op<'move'>, { overdue }: Step): Answer<'move'> {
  const { from, to, quantity, key } = op
  const before = state.moves.get(key)
  if (before) {
    const same = before.from === from && before.to === to && before.quantity === quantity
    return same ? { status: 'moved', applied: before.applied, replayed: true } : { status: 'conflict' }
  }
  if (overdue || Math.max(from, to) >= state.rules.skus.length) return retry
  const { available } = state.stock.of(from)
  if (!op.final && available < quantity) return { status: 'lacking', sku: from, available }
  const applied = Math.min(available, op.atMost ?? quantity)
  carryOut(state, { from, to, quantity, applied }, key)
  return { status: 'moved', applied, replayed: false }
}

function carryOut(state: PartitionState, moved: Moved, key: string): void {
  const { from, to, quantity, applied } = moved
  state.stock.restock(from, -applied)
  state.stock.restock(to, applied)
  state.moves.set(key, moved)
  state.append({ type: 'moved', sku: from, to, quantity, key, applied })
  if (applied === 0) return
  state.returns++
  state.announceSoldOut([[from, applied]])
  state.cameBack([[to, applied]])
}
