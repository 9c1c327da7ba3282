import type { Item, Reservation } from '../../src/sale/results.js'
import type { Answer } from './call.js'
import { countsAt, isActive, latest, type Sale, takenBy, unitsIn } from './sale.js'

/** @param hold The hold in whose place these items come. */
export function refusalOf(
  sale: Sale,
  { buyer, household }: Pick<Reservation, 'buyer' | 'household'>,
  items: readonly Item[],
  now: number,
  hold?: Reservation,
): Answer | undefined {
  const over = overLimitOf(sale, { buyer, household }, items, now, hold)
  if (over) return over
  for (const { sku, quantity } of items) {
    const { available, held, owed = 0 } = countsAt(sale, sku, now)
    if (available >= quantity - unitsIn(hold?.items ?? [], sku)) continue
    const comesBack = !sale.present.own.get(sku)?.returnsTo
    return { status: 'sold_out', sku, available, mayReturn: comesBack && held > owed }
  }
  return undefined
}

/** The limits of the buyer, then those of the household. */
export function overLimitOf(
  sale: Sale,
  { buyer, household }: Pick<Reservation, 'buyer' | 'household'>,
  items: readonly Item[],
  now: number,
  hold?: Reservation,
): Answer | undefined {
  const wanted = { buyer, items, now, hold }
  const ofBuyer = overLimit(sale, 'buyer', buyer, wanted)
  return ofBuyer ?? (household === undefined ? undefined : overLimit(sale, 'household', household, wanted))
}

interface Wanted {
  readonly buyer: string
  readonly items: readonly Item[]
  readonly now: number
  readonly hold: Reservation | undefined
}

/** The first limit of the buyer, or of the household, that is in the way. */
function overLimit(
  sale: Sale,
  whose: 'buyer' | 'household',
  owner: string,
  { buyer, items, now, hold }: Wanted,
): Answer | undefined {
  const before = hold?.items ?? []
  const { present } = sale
  const named = whose === 'household' ? { household: owner } : {}
  const taken = (sku: string) => takenBy(sale, whose, owner, sku, now)
  for (const { sku, quantity } of items) {
    const limit = (whose === 'buyer' ? present.limits : present.households).get(sku)!
    const own = unitsIn(before, sku)
    if (limit === null || quantity <= own || taken(sku) - own + quantity <= limit) continue
    const reservations = inTheWay(sale, buyer, [sku], now, hold).map(({ id }) => id)
    return { status: 'limit_exceeded', sku, limit, taken: taken(sku) - own, reservations, ...named }
  }
  for (const { skus, ...shared } of present.shared) {
    const limit = whose === 'buyer' ? shared.perBuyer : shared.perHousehold
    const count = (cart: readonly Item[]) => skus.reduce((sum, sku) => sum + unitsIn(cart, sku), 0)
    const own = count(before)
    const has = skus.reduce((sum, sku) => sum + taken(sku), 0) - own
    if (limit === undefined || count(items) <= own || has + count(items) <= limit) continue
    const grows = (sku: string) => unitsIn(items, sku) > unitsIn(before, sku)
    const others = inTheWay(sale, buyer, skus, now, hold)
    const isNamed = (sku: string) =>
      [items, ...others.map((one) => one.items)].some((cart) => unitsIn(cart, sku) > 0)
    return {
      ...{ status: 'limit_exceeded', sku: skus.find(grows)!, limit, taken: has, ...named },
      ...{ reservations: others.map(({ id }) => id), skus: skus.filter(isNamed) },
    }
  }
  return undefined
}

/** At most ten that have units of these SKUs, among the buyer's latest 64. */
function inTheWay(
  sale: Sale,
  buyer: string,
  skus: readonly string[],
  now: number,
  hold?: Reservation,
): Reservation[] {
  const counts = ({ items }: Reservation) => items.some(({ sku }) => skus.includes(sku))
  return latestOf(sale, buyer, now)
    .slice(0, 64)
    .filter((one) => one.id !== hold?.id && isActive(one) && counts(one))
    .slice(0, 10)
}

/** The buyer's reservations, the latest first. */
export function latestOf(sale: Sale, buyer: string, now: number): Reservation[] {
  const all = [...sale.known.values()].map((known) => latest(known, now))
  return all.filter((one) => one.buyer === buyer).reverse()
}
