import type { Redis } from 'ioredis'
import { PlainSale } from '../plain/plain-sale.js'
import { LIMIT, saleName } from './plan.js'

/** By number, as the plan has them. */
export function openPlainSales(client: Redis, prefix: string, stores: number): PlainSale[] {
  return Array.from(
    { length: stores + 1 },
    (_, sale) => new PlainSale(client, `${prefix}-plain-${saleName(sale)}`, LIMIT),
  )
}
