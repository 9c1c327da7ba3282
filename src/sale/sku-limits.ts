import type { Rules, SkuRule } from '../engine/engine.js'
import { highestAfter, limitOf, type Whose } from '../engine/rules.js'
import { invalid } from '../errors.js'
import { checkInteger, checkObject, MAX_UNITS } from '../validation.js'
import { label } from './labels.js'

/** The names of the limits of single SKUs in `create` and `update`. */
export const limitNames = { buyer: 'limitPerBuyer', household: 'limitPerHousehold' } as const
const WHAT = 'of SKUs and their limits, or a number'

/** A limit of a new sale: one for all SKUs, or some for SKUs by name. */
export function checkSkuLimits(
  limits: unknown,
  argument: string,
  skus: ReadonlyMap<string, unknown>,
): (sku: string) => number | null {
  if (limits === undefined) return () => null
  if (typeof limits !== 'object') {
    const limit = checkInteger(limits, argument, 1, MAX_UNITS)
    return () => limit
  }
  const given = new Map(Object.entries(checkObject(limits, argument, WHAT)))
  for (const [sku, limit] of given) {
    if (!skus.has(sku)) throw invalid(`${argument}[${label(sku)}]`, 'names a SKU that is not in stock')
    checkInteger(limit, `${argument}[${label(sku)}]`, 1, MAX_UNITS)
  }
  return (sku) => (given.get(sku) as number | undefined) ?? null
}

/** A limit in an update, of valid shape: of all SKUs, or of some; `null` removes it. */
export type LimitUpdate = number | null | ReadonlyMap<string, number | null>

export function checkLimitUpdate(
  given: unknown,
  argument: string,
  entriesOf: (given: unknown, argument: string, what: string) => [string, unknown][],
): LimitUpdate {
  if (given === null) return null
  if (typeof given !== 'object') return checkInteger(given, argument, 1, MAX_UNITS)
  const limits = entriesOf(given, argument, WHAT)
  for (const [sku, limit] of limits)
    if (limit !== null) checkInteger(limit, `${argument}[${label(sku)}]`, 1, MAX_UNITS)
  return new Map(limits as [string, number | null][])
}

/** The limits of an update, by whose units they count. */
export type LimitUpdates = { readonly [W in Whose]?: LimitUpdate | undefined }

/** The limit of a SKU after an update. @param before The present one, `null` for none. */
export function limitAfter(
  update: LimitUpdate | undefined,
  sku: string,
  before: number | null,
): number | null {
  if (update === undefined) return before
  if (update === null || typeof update === 'number') return update
  const own = update.get(sku)
  return own === undefined ? before : own
}

/** A SKU with these limits, each beside the highest one that was ever in force. */
export function withLimits(rule: SkuRule, limit: number | null, ofHousehold: number | null): SkuRule {
  const {
    sku,
    stock,
    limit: _,
    highestLimit: __,
    householdLimit: ___,
    highestHouseholdLimit: ____,
    ...own
  } = rule
  const highest = highestAfter(limitOf(rule, 'buyer', true), limit)
  const highestOfHousehold = highestAfter(limitOf(rule, 'household', true), ofHousehold)
  return {
    ...{ sku, stock, limit },
    ...(highest !== limit && { highestLimit: highest }),
    ...(ofHousehold !== null && { householdLimit: ofHousehold }),
    ...(highestOfHousehold !== ofHousehold && { highestHouseholdLimit: highestOfHousehold }),
    ...own,
  }
}

/** The limit that every SKU has; `null` if there is none. */
export function commonLimit({ skus }: Rules, whose: Whose): number | null {
  const limit = limitOf(skus[0]!, whose, false)
  return skus.every((rule) => limitOf(rule, whose, false) === limit) ? limit : null
}

/** The limits as `sale.rules` tells them. */
export function publicLimit(rules: Rules, whose: Whose): number | Readonly<Record<string, number>> | null {
  const ofAll = commonLimit(rules, whose)
  if (ofAll !== null) return ofAll
  const limited = rules.skus.flatMap((rule) => {
    const limit = limitOf(rule, whose, false)
    return limit === null ? [] : [[rule.sku, limit] as const]
  })
  return limited.length === 0 ? null : Object.fromEntries(limited)
}

/** What an update has changed in the limits of SKUs, as the event `updated` tells it. */
export function limitChanges(
  before: readonly SkuRule[],
  after: readonly SkuRule[],
  updates: LimitUpdates,
  whose: Whose,
): number | null | Readonly<Record<string, number | null>> | undefined {
  const update = updates[whose]
  const ofSome = update instanceof Map ? update : undefined
  const isChanged = after.some((rule, sku) => {
    const known = before[sku]
    return known ? limitOf(rule, whose, false) !== limitOf(known, whose, false) : ofSome?.has(rule.sku)
  })
  if (!isChanged || update === undefined) return undefined
  return ofSome ? Object.fromEntries(ofSome) : (update as number | null)
}
