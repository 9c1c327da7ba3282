import { type Random, random } from '../../lib/random.js'

/** 430,000 orders in 10,000 stores. */
export const ORDERS_PER_STORE = 43

const goods = ['tea', 'mug', 'lamp', 'scarf', 'candle', 'poster', 'notebook', 'plant'] as const
/** The stock as a share of the expected orders: some stores have too little, most have enough. */
const SHARES = [0.6, 1.5, 3] as const

/** Units on sale in a store, by SKU: three to six articles. */
export function stockOf(seed: number, store: number, stores: number): Record<string, number> {
  const dice = random(seed, store, -3)
  const skus = goods.slice(0, 3 + Math.floor(dice() * 4))
  // A visit takes some 1.6 lines of 1.3 units.
  const wanted = (ordersOf(store, stores) * 2) / skus.length
  return Object.fromEntries(
    skus.map((sku) => [sku, Math.max(1, Math.ceil(wanted * SHARES[Math.floor(dice() * SHARES.length)]!))]),
  )
}

/** How many orders a store can expect. A few stores have very many, most have few. */
function ordersOf(store: number, stores: number): number {
  const orders = ORDERS_PER_STORE * stores
  return orders * (Math.sqrt((store + 1) / stores) - Math.sqrt(store / stores))
}

export interface Basket {
  readonly store: number
  readonly items: readonly { readonly sku: string; readonly quantity: number }[]
}

/** The store and the items of an order: a pure function of the seed. */
export function basketOf(
  seed: number,
  order: number,
  stores: number,
  skusOf: (store: number) => readonly string[],
): Basket {
  const dice = random(seed, order, -4)
  const store = Math.min(stores - 1, Math.floor(stores * dice() ** 2))
  const skus = skusOf(store)
  const items = [line(skus, dice)]
  if (dice() < 0.6) items.push(line(skus, dice))
  return { store, items }
}

function line(skus: readonly string[], dice: Random): { sku: string; quantity: number } {
  return { sku: skus[Math.floor(dice() * skus.length)]!, quantity: dice() < 0.7 ? 1 : 2 }
}
