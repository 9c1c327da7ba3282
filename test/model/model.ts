import { isDeepStrictEqual } from 'node:util'
import type { Answer, Call } from './call.js'
import { amend, confirm, extend, list, type Result, refund, release, reserve } from './orders.js'
import { settledAt } from './returns.js'
import { hasHouseholds, updated } from './rules.js'
import { changed, countsAt, latest, type Sale, stateAt, whereNow } from './sale.js'
import { transfer } from './transfers.js'

/**
 * The rules of a sale, in one place and in their plainest form. The history checker of the
 * simulator and the property tests compare every answer of the engines with it.
 *
 * @param now The server's time, not before `sale.now`.
 * @param request Whose call it is: the same request may come twice.
 * @param fresh The name of a reservation that this call makes.
 */
export function carryOut(sale: Sale, call: Call, now: number, request: object, fresh: string): Result {
  if (sale.removed) return { answer: afterRemoval(call), after: sale }
  const settled = settledAt(sale, now)
  const { answer, after } = decide(settled, call, now, request, fresh)
  return { answer, after: after === settled ? sale : after }
}

function decide(sale: Sale, call: Call, now: number, request: object, fresh: string): Result {
  switch (call.do) {
    case 'create':
      return create(sale, call)
    case 'reserve':
      return reserve(sale, call, now, request, fresh)
    case 'amend':
      return amend(sale, call, now)
    case 'confirm':
      return confirm(sale, call, now)
    case 'release':
      return release(sale, call, now)
    case 'extend':
      return extend(sale, call, now)
    case 'refund':
      return refund(sale, call, now)
    case 'transfer':
      return transfer(sale, call, now, request, fresh)
    case 'get': {
      const known = whereNow(sale, call.id)
      const answer = known ? { status: 'found', reservation: latest(known, now) } : { status: 'not_found' }
      return { answer, after: sale }
    }
    case 'list':
      return { answer: list(sale, call, now), after: sale }
    case 'restock':
      return restock(sale, call, now)
    case 'setTotal':
      return setTotal(sale, call, now)
    case 'move':
      return move(sale, call, now)
    case 'update':
      return update(sale, call, now)
    case 'destroy':
      return destroy(sale, call, now)
    case 'control':
      return control(sale, call.action, now)
    case 'stats':
      return stats(sale, now)
  }
}

function create(sale: Sale, { rules }: Extract<Call, { do: 'create' }>): Result {
  const answer = isDeepStrictEqual(rules, sale.rules)
    ? { status: 'created', created: false }
    : { status: 'threw', code: 'RULES_CONFLICT' }
  return { answer, after: sale }
}

function update(sale: Sale, call: Extract<Call, { do: 'update' }>, now: number): Result {
  const isOut = hasHouseholds(call.update) && !hasHouseholds(sale.rules)
  const present = isOut ? undefined : updated(sale.present, call.update)
  if (!present) return { answer: { status: 'threw', code: 'INVALID_ARGUMENT' }, after: sale }
  const { revision } = present
  if (present === sale.present)
    return { answer: { status: 'updated', revision, replayed: true }, after: sale }
  const added = [...present.stock].filter(([sku]) => !sale.totals.has(sku))
  return {
    answer: { status: 'updated', revision, replayed: false },
    after: changed(sale, now, { present, totals: new Map([...sale.totals, ...added]) }),
  }
}

function restock(sale: Sale, { sku, quantity, key }: Extract<Call, { do: 'restock' }>, now: number): Result {
  const earlier = sale.restocks.get(key)
  if (earlier) {
    const same = earlier.sku === sku && earlier.quantity === quantity
    const answer = same
      ? { status: 'restocked', sku, applied: earlier.applied, replayed: true }
      : { status: 'threw', code: 'IDEMPOTENCY_CONFLICT' }
    return { answer, after: sale }
  }
  const applied = quantity > 0 ? quantity : 0 - Math.min(-quantity, countsAt(sale, sku, now).available)
  const restocks = new Map(sale.restocks).set(key, { sku, quantity, applied })
  const totals = new Map(sale.totals).set(sku, sale.totals.get(sku)! + applied)
  return {
    answer: { status: 'restocked', sku, applied, replayed: false },
    after: changed(sale, now, { restocks, totals }),
  }
}

function setTotal(sale: Sale, call: Extract<Call, { do: 'setTotal' }>, now: number): Result {
  const { sku, total, key } = call
  const before = countsAt(sale, sku, now)
  const earlier = sale.counts.get(key)
  if (earlier) {
    const same =
      earlier.sku === sku &&
      earlier.total === total &&
      (call.countedAt ?? earlier.countedAt) === earlier.countedAt
    const { applied, owed } = earlier
    const answer = same
      ? { status: 'set', sku, applied, owed, replayed: true }
      : { status: 'threw', code: 'IDEMPOTENCY_CONFLICT' }
    return { answer, after: sale }
  }
  const countedAt = call.countedAt ?? now
  const ofSku = [...sale.counts.values()].filter((count) => count.sku === sku)
  if (ofSku.some((count) => count.countedAt > countedAt))
    return {
      answer: { status: 'superseded', sku, applied: 0, owed: before.owed ?? 0, replayed: false },
      after: sale,
    }
  const set = changed(sale, now, { totals: new Map(sale.totals).set(sku, total) })
  const { total: after, owed = 0 } = countsAt(set, sku, now)
  const applied = after - before.total
  const counts = new Map(sale.counts).set(key, { sku, total, countedAt, applied, owed })
  return {
    answer: { status: 'set', sku, applied, owed, replayed: false },
    after: changed(set, now, { counts }),
  }
}

function move(sale: Sale, call: Extract<Call, { do: 'move' }>, now: number): Result {
  const { from, to, quantity, key } = call
  if (from === to) return { answer: { status: 'threw', code: 'INVALID_ARGUMENT' }, after: sale }
  const earlier = sale.moves.get(key)
  if (earlier) {
    const same = earlier.from === from && earlier.to === to && earlier.quantity === quantity
    const answer = same
      ? { status: 'moved', applied: earlier.applied, replayed: true }
      : { status: 'threw', code: 'IDEMPOTENCY_CONFLICT' }
    return { answer, after: sale }
  }
  const applied = Math.min(quantity, countsAt(sale, from, now).available)
  const totals = new Map(sale.totals)
  totals.set(from, totals.get(from)! - applied).set(to, totals.get(to)! + applied)
  const moves = new Map(sale.moves).set(key, { from, to, quantity, applied })
  return {
    answer: { status: 'moved', applied, replayed: false },
    after: changed(sale, now, { totals, moves }),
  }
}

function control(sale: Sale, action: 'pause' | 'resume' | 'end', now: number): Result {
  let after = sale
  if (action === 'end') {
    if (!sale.ended) after = changed(sale, now, { ended: true })
  } else if (stateAt(sale, now) !== 'ended' && sale.paused !== (action === 'pause')) {
    after = changed(sale, now, { paused: action === 'pause' })
  }
  return { answer: { status: stateAt(after, now) }, after }
}

/** Removes a sale that has ended and holds no units; with `force` it may hold some. */
function destroy(sale: Sale, { force }: Extract<Call, { do: 'destroy' }>, now: number): Result {
  const refused = (status: string): Result => ({ answer: { status }, after: sale })
  if (stateAt(sale, now) !== 'ended') return refused('not_ended')
  const isHeld = [...sale.known.values()].some((known) => latest(known, now).state === 'held')
  if (isHeld && !force) return refused('in_use')
  return { answer: { status: 'destroyed' }, after: changed(sale, now, { removed: true }) }
}

function afterRemoval(call: Call): Answer {
  return call.do === 'destroy' ? { status: 'destroyed' } : { status: 'threw', code: 'NOT_FOUND' }
}

function stats(sale: Sale, now: number): Result {
  const skus = Object.fromEntries([...sale.totals.keys()].map((sku) => [sku, countsAt(sale, sku, now)]))
  // It sweeps: a hold that it has counted as expired stays so.
  const expired = [...sale.known.values()].some((known) => latest(known, now) !== known.reservation)
  const answer = { status: 'stats', state: stateAt(sale, now), skus }
  return { answer, after: expired ? changed(sale, now, {}) : sale }
}
