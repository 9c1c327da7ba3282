import type { FlashSale } from '../../src/index.js'

/** A call of each method that asks the engine about the sale, except `create` and `recover`. */
export function callsOf(sale: FlashSale, id: string): (() => Promise<unknown>)[] {
  return [
    () => sale.reserve({ buyer: 'u', items: [{ sku: 'a', quantity: 1 }] }),
    () => sale.confirm(id),
    () => sale.release(id),
    () => sale.extend(id, { holdMs: 1 }),
    () => sale.refund(id, { restock: true }),
    () => sale.get(id),
    () => sale.restock({ sku: 'a', quantity: 1, key: 'k' }),
    () => sale.pause(),
    () => sale.resume(),
    () => sale.end(),
    () => sale.stats(),
    () => sale.audit(),
  ]
}
