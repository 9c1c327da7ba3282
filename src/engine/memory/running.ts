import type { Answer, Op } from '../engine.js'
import { type PartitionState, retry, type Step } from './state.js'

const PAGE = 1_000

export function create(state: PartitionState, op: Op<'create'>, { now, overdue }: Step): Answer<'create'> {
  if (state.token !== null) {
    const same = JSON.stringify(state.rules) === JSON.stringify(op.rules)
    return { status: same ? 'exists' : 'conflict', token: state.token }
  }
  if (overdue) return retry
  state.create(op.rules, op.token, now)
  return { status: 'created', token: op.token }
}

export function rebuild(state: PartitionState, op: Op<'rebuild'>, { now, overdue }: Step): Answer<'rebuild'> {
  if (state.token !== null) return { status: 'exists', token: state.token }
  if (overdue) return retry
  state.create(op.rules, op.token, now)
  state.line = op.line
  state.frozen = true
  return { status: 'rebuilt', token: op.token }
}

export function describe(state: PartitionState): Answer<'describe'> {
  return { status: 'described', rules: state.rules, token: state.token! }
}

export function restock(state: PartitionState, op: Op<'restock'>, { overdue }: Step): Answer<'restock'> {
  const before = state.restocks.get(op.key)
  if (before) {
    const same = before.sku === op.sku && before.quantity === op.quantity
    return same ? { status: 'restocked', applied: before.applied, replayed: true } : { status: 'conflict' }
  }
  if (overdue) return retry
  return { status: 'restocked', applied: state.restock(op), replayed: false }
}

export function control(
  state: PartitionState,
  { action }: Op<'control'>,
  { overdue }: Step,
): Answer<'control'> {
  if (changes(state, action)) {
    if (overdue) return retry
    switchTo(state, action)
  }
  return { status: state.saleState() }
}

function changes(state: PartitionState, action: Op<'control'>['action']): boolean {
  if (action === 'thaw') return state.frozen
  if (action === 'end') return !state.ended
  return state.paused !== (action === 'pause') && state.saleState() !== 'ended'
}

function switchTo(state: PartitionState, action: Op<'control'>['action']): void {
  if (action === 'thaw') {
    state.frozen = false
    state.line++
  } else if (action === 'end') {
    state.ended = true
    state.append({ type: 'ended' })
  } else {
    state.paused = action === 'pause'
    state.append({ type: state.paused ? 'paused' : 'resumed' })
  }
}

export function stats(state: PartitionState): Answer<'stats'> {
  return { status: state.saleState(), skus: state.stock.snapshot() }
}

export function sweep(state: PartitionState): Answer<'sweep'> {
  return { status: 'swept', next: state.nextExpiry() }
}

export function scan(state: PartitionState, op: Op<'scan'>): Answer<'scan'> {
  const start = Number(op.cursor)
  const end = start + PAGE
  return {
    status: 'scanned',
    cursor: end < state.entries.length ? String(end) : '0',
    reservations: state.entries.slice(start, end).map((entry) => entry.reservation),
    skus: state.stock.snapshot(),
    sequence: state.events.length,
  }
}

export function events(state: PartitionState, { after }: Op<'events'>): Answer<'events'> {
  return { status: 'events', events: state.events.slice(after, after + PAGE) }
}
