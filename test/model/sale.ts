import type { Item, Reservation, SkuCounts } from '../../src/sale/results.js'
import type { SaleRules } from '../../src/sale/rules.js'
import { contentOf, type Present, presentOf } from './rules.js'

/** A reservation as the rules know it. `held` may have expired since: {@link latest}. */
export interface Known {
  readonly reservation: Reservation
  /** What the request asked for that made it. */
  readonly first: readonly Item[]
  /** The request that made it. */
  readonly by: object
  readonly late: boolean
  /** The `refund_due` that was answered for a hold that is over. */
  readonly due: string | null
  /** The payments beside its own, and why each must be refunded. */
  readonly further: ReadonlyMap<string, string>
  /** What was asked for by its refunds with a key, as text. */
  readonly refunds: ReadonlyMap<string, string>
  /** Once it was transferred: where it went, and to whom. */
  readonly movedTo?: { readonly id: string; readonly receiver: string }
}

/**
 * A sale as a reader of the design would write it down: a list of reservations and little else, and
 * never changed, only replaced. It has no counters and no index: what is available, held or taken
 * is counted from the list at every question, so it shares no mistake with the engines.
 */
export interface Sale {
  /** Those that the sale was created with. */
  readonly rules: SaleRules
  readonly present: Present
  /** The server's time at the latest change. */
  readonly now: number
  readonly paused: boolean
  readonly ended: boolean
  /** It was removed: every call hears that. */
  readonly removed: boolean
  /**
   * What the totals are to be. While more units are held and confirmed, the difference is owed, and
   * the total is what is held and confirmed.
   */
  readonly totals: ReadonlyMap<string, number>
  readonly known: ReadonlyMap<string, Known>
  /** By buyer: that of the buyer's first request. */
  readonly households: ReadonlyMap<string, string>
  readonly restocks: ReadonlyMap<
    string,
    { readonly sku: string; readonly quantity: number; readonly applied: number }
  >
  readonly moves: ReadonlyMap<
    string,
    { readonly from: string; readonly to: string; readonly quantity: number; readonly applied: number }
  >
  readonly counts: ReadonlyMap<string, Count>
}

/** A stock count, with its answer. */
interface Count {
  readonly sku: string
  readonly total: number
  readonly countedAt: number
  readonly applied: number
  readonly owed: number
}

export function newSale(rules: SaleRules): Sale {
  return {
    rules,
    present: presentOf(rules),
    now: 0,
    paused: false,
    ended: false,
    removed: false,
    totals: new Map(Object.entries(rules.stock)),
    known: new Map(),
    households: new Map(),
    restocks: new Map(),
    moves: new Map(),
    counts: new Map(),
  }
}

/** A change keeps the time it was made at: nothing comes before it any more. */
export function changed(sale: Sale, now: number, change: Partial<Sale>): Sale {
  return { ...sale, ...change, now }
}

export function withKnown(sale: Sale, now: number, name: string, known: Known): Sale {
  return changed(sale, now, { known: new Map(sale.known).set(name, known) })
}

/** A reservation by any of its ids, under the one that it has now. */
export function whereNow(sale: Sale, id: string): Known | undefined {
  let known = sale.known.get(id)
  while (known?.movedTo) known = sale.known.get(known.movedTo.id)
  return known
}

/**
 * The reservation at a moment: a hold past its time has expired, whether or not a call has looked.
 */
export function latest({ reservation }: Known, now: number): Reservation {
  const expired = reservation.state === 'held' && now >= reservation.expiresAt
  return expired ? { ...reservation, state: 'expired' } : reservation
}

export function isActive({ state }: Reservation): boolean {
  return state === 'held' || state === 'confirmed'
}

export function stateAt(sale: Sale, now: number): 'not_started' | 'open' | 'paused' | 'ended' {
  const { opensAt, closesAt } = sale.present
  if (sale.ended || (closesAt !== null && now >= closesAt)) return 'ended'
  if (opensAt !== null && now < opensAt) return 'not_started'
  return sale.paused ? 'paused' : 'open'
}

export function countsAt(sale: Sale, sku: string, now: number): SkuCounts {
  const target = sale.totals.get(sku)!
  const units = { held: 0, confirmed: 0 }
  for (const known of sale.known.values()) {
    const { state, items } = latest(known, now)
    if (state === 'held' || state === 'confirmed') units[state] += unitsIn(items, sku)
  }
  const taken = units.held + units.confirmed
  const total = Math.max(target, taken)
  const counts = { total, available: total - taken, ...units, inTransit: 0 }
  return taken > target ? { ...counts, owed: taken - target } : counts
}

/** Units of a SKU that a buyer, or the buyers of a household, hold or have bought. */
export function takenBy(
  sale: Sale,
  whose: 'buyer' | 'household',
  owner: string,
  sku: string,
  now: number,
): number {
  let units = 0
  for (const known of sale.known.values())
    if (known.reservation[whose] === owner && isActive(latest(known, now)))
      units += unitsIn(known.reservation.items, sku)
  return units
}

export function unitsIn(items: readonly Item[], sku: string): number {
  return items.reduce((sum, item) => sum + (item.sku === sku ? item.quantity : 0), 0)
}

/** Each SKU once, in the order of the sale. */
export function summed(items: readonly Item[], skus: readonly string[]): Item[] {
  const quantities = new Map<string, number>()
  for (const { sku, quantity } of items) quantities.set(sku, (quantities.get(sku) ?? 0) + quantity)
  return skus.filter((sku) => quantities.has(sku)).map((sku) => ({ sku, quantity: quantities.get(sku)! }))
}

/** The whole sale as text: two sales with the same text have the same future. */
export function textOf(sale: Sale): string {
  const known = [...sale.known].map(
    ([name, { reservation, late, due, further, refunds, movedTo }]) =>
      `${name} ${movedTo?.id} ${reservation.buyer} ${reservation.state} ${reservation.createdAt} ${reservation.expiresAt} ${reservation.paymentId} ${late} ${due} ${[...further].sort()} ${[...refunds].sort()} ${reservation.items.map(({ sku, quantity }) => `${quantity} ${sku}`)}`,
  )
  const restocks = [...sale.restocks].map(([key, { applied }]) => `${key} ${applied}`)
  const moves = [...sale.moves].map(([key, { applied }]) => `${key} ${applied}`)
  const counts = [...sale.counts].map(
    ([key, count]) => `${key} ${count.countedAt} ${count.applied} ${count.owed}`,
  )
  return [
    `${sale.now} ${sale.paused} ${sale.ended} ${sale.removed} ${sale.present.revision} ${contentOf(sale.present)}`,
    moves.sort().join(),
    [...sale.households].sort().join(),
    counts.sort().join(),
    [...sale.totals].join(),
    known.sort().join(),
    restocks.sort().join(),
  ].join('\n')
}
