import type { Rules, SharedLimit, SkuRule } from '../engine/engine.js'
import { highestAfter, sharedLimitOf } from '../engine/rules.js'
import { invalid } from '../errors.js'
import { checkId, checkInteger, checkOptions, MAX_UNITS, type Names } from '../validation.js'
import { label } from './labels.js'

/** A limit over several SKUs. */
export interface LimitRule {
  /** The SKUs whose units count together. A SKU may be in several limits. */
  skus: readonly string[]
  /** Units of these SKUs together that one buyer may have held and confirmed at a time. */
  perBuyer?: number | undefined
  /** The same for a household: see `limitPerHousehold`. At least one of both is given. */
  perHousehold?: number | undefined
}

const LIMIT: Names<LimitRule> = { skus: true, perBuyer: true, perHousehold: true }
const MAX_LIMITS = 100
/** SKUs that all limits of a sale together may name. */
const MAX_NAMED = 10_000

/** Checks the shape of `limits`; whether the sale has the SKUs is not checked. */
export function checkSharedLimits(given: unknown): readonly LimitRule[] {
  if (!Array.isArray(given)) throw invalid('limits', 'must be an array of limits')
  if (given.length > MAX_LIMITS) throw invalid('limits', `must have at most ${MAX_LIMITS} limits`)
  const limits = Array.from(given, checkLimit)
  const named = limits.reduce((sum, { skus }) => sum + skus.length, 0)
  if (named > MAX_NAMED) throw invalid('limits', `must name at most ${MAX_NAMED} SKUs in all`)
  return limits
}

function checkLimit(given: unknown, index: number): LimitRule {
  const argument = `limits[${index}]`
  const { skus, perBuyer, perHousehold } = checkOptions(given, argument, LIMIT)
  if (!Array.isArray(skus) || skus.length === 0)
    throw invalid(`${argument}.skus`, 'must be an array of at least one SKU')
  if (skus.length > MAX_NAMED) throw invalid(`${argument}.skus`, `must name at most ${MAX_NAMED} SKUs`)
  const names = Array.from(skus, (sku, i) => checkId(sku, `${argument}.skus[${i}]`))
  const limit = (name: 'perBuyer' | 'perHousehold', value: unknown) => ({
    [name]: checkInteger(value, `${argument}.${name}`, 1, MAX_UNITS),
  })
  return {
    skus: names,
    ...((perBuyer !== undefined || perHousehold === undefined) && limit('perBuyer', perBuyer)),
    ...(perHousehold !== undefined && limit('perHousehold', perHousehold)),
  }
}

/** The limits in canonical form, over the SKUs of a sale. */
export function sharedLimits(given: readonly LimitRule[], skus: readonly SkuRule[]): readonly SharedLimit[] {
  const indices = new Map(skus.map(({ sku }, index) => [sku, index]))
  const limits = given.map(({ skus: names, ...units }, index) => {
    const argument = `limits[${index}].skus`
    const places = names.map((sku) => {
      const place = indices.get(sku)
      if (place === undefined) throw invalid(argument, `names the SKU ${label(sku)}, which the sale has not`)
      return place
    })
    if (new Set(places).size < places.length) throw invalid(argument, 'must name each SKU once')
    return { skus: places.sort((a, b) => a - b), ...units }
  })
  if (new Set(limits.map(nameOf)).size < limits.length)
    throw invalid('limits', 'must not have two limits of the same SKUs')
  return limits.sort((a, b) => compare(a.skus, b.skus))
}

/** The limits after an update, each with the highest one that was ever in force. */
export function limitsAfter(
  present: readonly SharedLimit[],
  wanted: readonly SharedLimit[],
): readonly SharedLimit[] {
  const known = new Map(present.map((limit) => [nameOf(limit), limit]))
  return wanted.map((limit) => {
    const { skus, perBuyer, perHousehold } = limit
    const same = known.get(nameOf(limit)) ?? { skus }
    const highest = highestAfter(sharedLimitOf(same, 'buyer', true), perBuyer ?? null)
    const ofHousehold = highestAfter(sharedLimitOf(same, 'household', true), perHousehold ?? null)
    return {
      skus,
      ...(perBuyer !== undefined && { perBuyer }),
      ...(highest !== (perBuyer ?? null) && { highest }),
      ...(perHousehold !== undefined && { perHousehold }),
      ...(ofHousehold !== (perHousehold ?? null) && { highestPerHousehold: ofHousehold }),
    }
  })
}

/** The limits as `sale.rules` and the event `updated` tell them. */
export function publicLimits({ skus, limits = [] }: Rules): LimitRule[] {
  return limits.map(({ skus: indices, perBuyer, perHousehold }) => ({
    skus: indices.map((i) => skus[i]!.sku),
    ...(perBuyer !== undefined && { perBuyer }),
    ...(perHousehold !== undefined && { perHousehold }),
  }))
}

/** Whether both have the same limits in force. */
export function isSameLimits(a: Rules, b: Rules): boolean {
  return JSON.stringify(publicLimits(a)) === JSON.stringify(publicLimits(b))
}

function nameOf({ skus }: Pick<SharedLimit, 'skus'>): string {
  return skus.join()
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (const [i, sku] of a.entries()) if (sku !== b[i]) return sku - (b[i] ?? -1)
  return a.length - b.length
}
