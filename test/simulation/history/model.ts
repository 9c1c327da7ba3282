import type { Reservation, SkuCounts } from '../../../src/sale/results.js'
import type { SaleRules } from '../../../src/sale/rules.js'
import type { Answer, Call } from '../../../src/testing/call.js'
import { applied, latest } from './model-changes.js'
import { confirm, extend, refund, release, reserve } from './model-orders.js'

/** A reservation as the rules know it. `held` may have lapsed since: {@link stateAt}. */
export interface Known {
  readonly reservation: Reservation
  /** The request that made it. */
  readonly by: object
  readonly late: boolean
  /** The `refund_due` that was answered for a hold that is over. */
  readonly due: string | null
}

/**
 * A sale as a reader of the design would write it down: a list of reservations and little else, and never changed, only
 * replaced. It has no counters and no index: what is available, held or taken is counted afresh from the list at every
 * question, so it shares no mistake with the engines.
 */
export interface Sale {
  readonly rules: SaleRules
  /** The server's time at the latest change. */
  readonly now: number
  readonly paused: boolean
  readonly ended: boolean
  readonly totals: ReadonlyMap<string, number>
  readonly known: ReadonlyMap<string, Known>
  readonly restocks: ReadonlyMap<
    string,
    { readonly sku: string; readonly quantity: number; readonly applied: number }
  >
}

/** What a request answers, and the sale behind it: the very same object if nothing changed. */
export interface Result {
  readonly answer: Answer
  readonly after: Sale
}

export function newSale(rules: SaleRules): Sale {
  return {
    rules,
    now: 0,
    paused: false,
    ended: false,
    totals: new Map(Object.entries(rules.stock)),
    known: new Map(),
    restocks: new Map(),
  }
}

/**
 * @param now The server's time, not before `sale.now`.
 * @param request Whose call it is: the same request may come twice.
 * @param fresh What a new reservation is called.
 */
export function carryOut(sale: Sale, call: Call, now: number, request: object, fresh: string): Result {
  switch (call.do) {
    case 'reserve':
      return reserve(sale, call, now, request, fresh)
    case 'confirm':
      return confirm(sale, call, now)
    case 'release':
      return release(sale, call, now)
    case 'extend':
      return extend(sale, call, now)
    case 'refund':
      return refund(sale, call, now)
    case 'get': {
      const known = sale.known.get(call.id)
      const answer = known ? { status: 'found', reservation: latest(known, now) } : { status: 'not_found' }
      return { answer, after: sale }
    }
    case 'restock':
      return restock(sale, call, now)
    case 'control':
      return control(sale, call.action, now)
    case 'stats':
      return stats(sale, now)
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
  const took = quantity > 0 ? quantity : 0 - Math.min(-quantity, countsAt(sale, sku, now).available)
  const restocks = new Map(sale.restocks).set(key, { sku, quantity, applied: took })
  const totals = new Map(sale.totals).set(sku, sale.totals.get(sku)! + took)
  return {
    answer: { status: 'restocked', sku, applied: took, replayed: false },
    after: applied(sale, now, { restocks, totals }),
  }
}

function control(sale: Sale, action: 'pause' | 'resume' | 'end', now: number): Result {
  let after = sale
  if (action === 'end') {
    if (!sale.ended) after = applied(sale, now, { ended: true })
  } else if (stateAt(sale, now) !== 'ended' && sale.paused !== (action === 'pause')) {
    after = applied(sale, now, { paused: action === 'pause' })
  }
  return { answer: { status: stateAt(after, now) }, after }
}

function stats(sale: Sale, now: number): Result {
  const skus = Object.fromEntries([...sale.totals.keys()].map((sku) => [sku, countsAt(sale, sku, now)]))
  // It sweeps: a hold that it has counted as lapsed is over for everybody.
  const lapsed = [...sale.known.values()].some(
    ({ reservation }) => reservation.state === 'held' && now >= reservation.expiresAt,
  )
  const answer = { status: 'stats', state: stateAt(sale, now), skus }
  return { answer, after: lapsed ? applied(sale, now, {}) : sale }
}

export function stateAt(sale: Sale, now: number): 'not_started' | 'open' | 'paused' | 'ended' {
  const { opensAt, closesAt } = sale.rules
  if (sale.ended || (closesAt !== undefined && now >= Number(closesAt))) return 'ended'
  if (opensAt !== undefined && now < Number(opensAt)) return 'not_started'
  return sale.paused ? 'paused' : 'open'
}

export function countsAt(sale: Sale, sku: string, now: number): SkuCounts {
  const total = sale.totals.get(sku)!
  let held = 0
  let confirmed = 0
  for (const known of sale.known.values()) {
    const { state, items } = latest(known, now)
    if (state !== 'held' && state !== 'confirmed') continue
    for (const item of items) {
      if (item.sku !== sku) continue
      if (state === 'held') held += item.quantity
      else confirmed += item.quantity
    }
  }
  return { total, available: total - held - confirmed, held, confirmed, inTransit: 0 }
}

/** The whole sale as text: two sales with the same text have the same future. */
export function textOf(sale: Sale): string {
  const known = [...sale.known].map(
    ([name, { reservation, late, due }]) =>
      `${name} ${reservation.state} ${reservation.createdAt} ${reservation.expiresAt} ${reservation.paymentId} ${late} ${due}`,
  )
  return [
    `${sale.now} ${sale.paused} ${sale.ended}`,
    [...sale.totals].join(),
    known.sort().join(),
    [...sale.restocks]
      .map(([key, { applied: took }]) => `${key} ${took}`)
      .sort()
      .join(),
  ].join('\n')
}
