import type { Item } from '../../sale/results.js'
import { fromText, toText } from '../text.js'

/** Units by the SKU's name. A SKU without units has no entry. */
export type Units = ReadonlyMap<string, number>

export const NONE: Units = new Map()

/** The units of a cart, whose lines may name a SKU several times. */
export function unitsOf(items: readonly Item[]): Units {
  const units = new Map<string, number>()
  for (const { sku, quantity } of items) units.set(sku, (units.get(sku) ?? 0) + quantity)
  return units
}

export function itemsOf(units: Units): Item[] {
  return [...units].map(([sku, quantity]) => ({ sku, quantity }))
}

export function plus(units: Units, more: Units): Units {
  const sum = new Map(units)
  for (const [sku, quantity] of more) sum.set(sku, (sum.get(sku) ?? 0) + quantity)
  return sum
}

/** What is left of `units`, never less than nothing. */
export function minus(units: Units, less: Units): Units {
  const rest = new Map<string, number>()
  for (const [sku, quantity] of units) {
    const left = quantity - (less.get(sku) ?? 0)
    if (left > 0) rest.set(sku, left)
  }
  return rest
}

/** Whether `units` has at least `others` of every SKU. */
export function covers(units: Units, others: Units): boolean {
  return minus(others, units).size === 0
}

export function isSame(units: Units, others: Units): boolean {
  return covers(units, others) && covers(others, units)
}

/** For a column of type jsonb. */
export function toJson(units: Units): string {
  return JSON.stringify(Object.fromEntries([...units].map(([sku, quantity]) => [toText(sku), quantity])))
}

/** @param json A column of type jsonb, as text. */
export function fromJson(json: string): Units {
  const entries = Object.entries<number>(JSON.parse(json))
  return new Map(entries.map(([sku, quantity]) => [fromText(sku), quantity]))
}
