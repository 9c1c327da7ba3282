/** The final state of an order's cart. */
export type OrderState = 'confirmed' | 'sold_out' | 'refunded'

/** The result of a file of orders, by the sale or by plain arithmetic. */
export interface Outcome {
  readonly skus: ReadonlyMap<string, { total: number; available: number; confirmed: number }>
  readonly orders: ReadonlyMap<string, OrderState>
}

/** Every difference, in words. */
export function differences(expected: Outcome, actual: Outcome): string[] {
  const found: string[] = []
  for (const sku of new Set([...expected.skus.keys(), ...actual.skus.keys()])) {
    const [mine, theirs] = [expected.skus.get(sku), actual.skus.get(sku)]
    for (const part of ['total', 'available', 'confirmed'] as const) {
      if (mine?.[part] !== theirs?.[part]) {
        found.push(
          `SKU ${sku}: ${part} is ${theirs?.[part] ?? 'unknown'}, expected ${mine?.[part] ?? 'unknown'}`,
        )
      }
    }
  }
  for (const order of new Set([...expected.orders.keys(), ...actual.orders.keys()])) {
    const [mine, theirs] = [expected.orders.get(order), actual.orders.get(order)]
    if (mine !== theirs)
      found.push(`order ${order}: is ${theirs ?? 'unknown'}, expected ${mine ?? 'unknown'}`)
  }
  return found
}
