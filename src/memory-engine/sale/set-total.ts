import type { Answer, Op } from '../../engine/engine.js'
import { CARRIED } from '../../engine/transfer-commands.js'
import type { Count } from './counts.js'
import { type PartitionState, retry, type Step } from './partition-state.js'

export function setTotal(
  state: PartitionState,
  op: Op<'setTotal'>,
  { now, overdue }: Step,
): Answer<'setTotal'> {
  const { sku, counted } = op
  const known = state.counts.find(op.key)
  if (known) return again(state, known, op, overdue)
  if (overdue || sku >= state.rules.skus.length) return retry
  const owed = state.stock.owed(sku)
  const countedAt = counted?.countedAt ?? op.countedAt ?? now
  const newest = state.counts.newest(sku)
  if (!counted && newest && countedAt < newest.countedAt) return { status: 'superseded', owed }
  const own = state.stock.of(sku).total - owed
  const isCounted = op.basis && (op.basis.own === null || op.basis.own === own)
  if (!counted && !isCounted) return { status: 'uncounted', own, owed }
  if (newest && !newest.complete) complete(state, newest)
  const change = counted?.change ?? op.total - own - op.basis!.others
  const taken = state.shift(sku, change)
  const { total, key } = op
  const plain = { sku, total, key, countedAt, change, owedBefore: owed }
  const count = counted
    ? { ...plain, applied: counted.applied, owed: counted.owed, complete: true }
    : { ...plain, applied: taken, owed: state.stock.owed(sku), complete: op.final }
  state.counts.note(count)
  if (count.complete) announce(state, count)
  return answer(count, false)
}

function again(
  state: PartitionState,
  known: Count,
  { sku, total, countedAt, final }: Op<'setTotal'>,
  overdue: boolean,
): Answer<'setTotal'> {
  if (known.sku !== sku || known.total !== total || (countedAt ?? known.countedAt) !== known.countedAt)
    return { status: 'conflict' }
  if (known.complete || !final) return answer(known, true)
  return overdue ? retry : answer(complete(state, known), true)
}

/** Records what a count has changed until now. */
function complete(state: PartitionState, count: Count): Count {
  const owed = state.stock.owed(count.sku)
  const completed = { ...count, owed, applied: count.change + owed - count.owedBefore, complete: true }
  state.counts.note(completed)
  announce(state, completed)
  return completed
}

function announce(state: PartitionState, count: Count): void {
  const { sku, total, key, countedAt, change, applied, owed } = count
  state.append({ type: 'total_set', sku, total, key, countedAt, change, applied, owed })
}

function answer(
  { change, applied, owed, countedAt, complete }: Count,
  replayed: boolean,
): Answer<'setTotal'> {
  return { status: 'set', change, applied, owed, countedAt, complete, replayed }
}

export function debt(state: PartitionState, { sku }: Op<'debt'>): Answer<'debt'> {
  const sent = state.sent
    .all()
    .filter(([to]) => to < CARRIED)
    .flatMap(([to, units]) =>
      units.filter(([one]) => one === sku).map(([, quantity]) => [to, quantity] as const),
    )
  return { status: 'debt', owed: Math.max(0, state.stock.owed(sku)), sent }
}

export function withhold(
  state: PartitionState,
  { sku, units, received }: Op<'withhold'>,
  { overdue }: Step,
): Answer<'withhold'> {
  if (overdue || sku >= state.rules.skus.length) return retry
  const before = unitsOf(state.received.of(0, [sku]))
  if (before <= received) {
    if (before < received) state.receive(0, sku, received - before)
    if (units > 0 - state.stock.owed(sku)) {
      state.stock.setOwed(sku, -units)
      state.append({ type: 'withheld', sku, quantity: units })
    }
    state.cameBack([[sku, units]])
  }
  return { status: 'withheld', sent: unitsOf(state.sent.of(0, [sku])) }
}

function unitsOf(row: readonly (readonly [number, number])[]): number {
  return row[0]?.[1] ?? 0
}
