import { type NamedRules, shownMoment } from '../common/rules-conflict.js'
import type { Rules, SkuRule } from '../engine/engine.js'
import { invalid } from '../errors.js'
import {
  checkId,
  checkInteger,
  checkMoment,
  checkObject,
  checkOptions,
  MAX_SPAN_MS,
  MAX_UNITS,
  type Names,
} from '../validation.js'
import { label } from './labels.js'
import { checkSharedLimits, type LimitRule, publicLimits, sharedLimits } from './shared-limits.js'
import { checkSkuLimits, limitNames } from './sku-limits.js'
import { checkSkus, nameReturnsTo, type SkuOptions, withOwnRules } from './sku-rules.js'

/** The rules of a sale, as `sale.create` takes them. */
export interface SaleRules {
  /** Units on sale, by SKU: 0 to 1,000,000,000 each, for at most 10,000 SKUs. */
  stock: Readonly<Record<string, number>>
  /**
   * How many units of a SKU a buyer may have held and confirmed at a time: one number for every
   * SKU, or a number for each of some SKUs.
   * @default no limit
   */
  limitPerBuyer?: number | Readonly<Record<string, number>> | undefined
  /**
   * The same for a household, which is what you say it is: an address, a card, a device. With a
   * limit of households, `reserve` needs the buyer's `household`, for the life of the sale.
   * @default no limit
   */
  limitPerHousehold?: number | Readonly<Record<string, number>> | undefined
  /**
   * Limits over several SKUs together, beside those of each SKU: at most 100, with at most 10,000
   * SKUs in all.
   * @default none
   */
  limits?: readonly LimitRule[] | undefined
  /** Rules of single SKUs. @default none */
  skus?: Readonly<Record<string, SkuOptions>> | undefined
  /** How long a reservation holds its units, in ms. @default 600_000 (ten minutes) */
  holdMs?: number | undefined
  /**
   * How long a reservation may hold its units including its extensions, in ms. @default 3_600_000,
   * or `holdMs` if that is longer
   */
  maxHoldMs?: number | undefined
  /** When reservations begin: a Date or epoch ms. @default at once */
  opensAt?: Date | number | undefined
  /** When reservations end: a Date or epoch ms. @default never */
  closesAt?: Date | number | undefined
  /**
   * Over how many partitions the sale spreads buyers and stock, 1 to 1,024. Each partition can be
   * on another master of a Redis Cluster. One is enough for about 200,000 reservations a second.
   * @default 1
   */
  partitions?: number | undefined
  /**
   * How long a sale that has ended stays, in ms: as long after its latest change, and while no
   * units are held and no consumer group lags. Then any process that has a handle on this engine
   * removes it, as `destroy` does. It must outlast the retries of your payment provider.
   * @default for ever
   */
  retainMs?: number | undefined
}

/** One call carries all SKUs of a sale, so split a large catalogue into many sales. */
export const MAX_SKUS = 10_000
const MAX_PARTITIONS = 1_024
export const DEFAULT_HOLD_MS = 600_000
export const DEFAULT_MAX_HOLD_MS = 3_600_000
const RULES: Names<SaleRules> = {
  stock: true,
  limitPerBuyer: true,
  limitPerHousehold: true,
  limits: true,
  skus: true,
  holdMs: true,
  maxHoldMs: true,
  opensAt: true,
  closesAt: true,
  partitions: true,
  retainMs: true,
}

/** Checks rules and returns them in canonical form. Throws INVALID_ARGUMENT. */
export function normalizeRules(given: SaleRules): Rules {
  const rules = checkOptions(given, 'rules', RULES)
  const holdMs = checkInteger(orElse(rules.holdMs, DEFAULT_HOLD_MS), 'holdMs', 1, MAX_SPAN_MS)
  const maxHoldMs = checkInteger(
    orElse(rules.maxHoldMs, Math.max(DEFAULT_MAX_HOLD_MS, holdMs)),
    'maxHoldMs',
    1,
    MAX_SPAN_MS,
  )
  if (maxHoldMs < holdMs) throw invalid('maxHoldMs', `must not be less than holdMs (${holdMs})`)
  const opensAt = optionalMoment(rules.opensAt, 'opensAt')
  const closesAt = optionalMoment(rules.closesAt, 'closesAt')
  if (opensAt !== null && closesAt !== null && closesAt <= opensAt)
    throw invalid('closesAt', 'must be after opensAt')
  const plain = checkStock(rules)
  const skus = rules.skus === undefined ? plain : withOwnRules(plain, checkSkus(rules.skus, false))
  const limits = rules.limits === undefined ? [] : sharedLimits(checkSharedLimits(rules.limits), skus)
  return {
    skus,
    ...(limits.length > 0 && { limits }),
    holdMs,
    maxHoldMs,
    opensAt,
    closesAt,
    partitions: checkInteger(orElse(rules.partitions, 1), 'partitions', 1, MAX_PARTITIONS),
    ...(rules.retainMs !== undefined && {
      retainMs: checkInteger(rules.retainMs, 'retainMs', 1, MAX_SPAN_MS),
    }),
  }
}

/** The rules by their names in `sale.create`. SKUs are not shortened: two may begin alike. */
export function nameRules(rules: Rules): NamedRules {
  const { skus, holdMs, maxHoldMs, opensAt, closesAt, partitions, retainMs = null } = rules
  return new Map<string, string | number | null>([
    ['opensAt', shownMoment(opensAt)],
    ['closesAt', shownMoment(closesAt)],
    ['holdMs', holdMs],
    ['maxHoldMs', maxHoldMs],
    ['partitions', partitions],
    ['retainMs', retainMs],
    ...skus.map(({ sku, stock }) => [`stock[${JSON.stringify(sku)}]`, stock] as const),
    ...skus.map(({ sku, limit }) => [`limitPerBuyer[${JSON.stringify(sku)}]`, limit] as const),
    ...skus.map(
      ({ sku, householdLimit = null }) =>
        [`limitPerHousehold[${JSON.stringify(sku)}]`, householdLimit] as const,
    ),
    ...skus.flatMap((rule) => nameOwnRules(rule, skus)),
    ...publicLimits(rules).flatMap(({ skus: of, perBuyer = null, perHousehold = null }) => {
      const name = `limits of ${JSON.stringify(of)}`
      return [[name, perBuyer] as const, [`${name} per household`, perHousehold] as const]
    }),
  ])
}

function nameOwnRules(rule: SkuRule, skus: readonly SkuRule[]): [string, string | null][] {
  const { sku, opensAt, closesAt, always } = rule
  const named = (name: string, value: string | null): [string, string | null][] =>
    value === null ? [] : [[`skus[${JSON.stringify(sku)}].${name}`, value]]
  return [
    ...named('opensAt', shownMoment(opensAt ?? null)),
    ...named('closesAt', shownMoment(closesAt ?? null)),
    ...named('always', always ? 'true' : null),
    ...named('returnsTo', nameReturnsTo(skus, rule)),
  ]
}

function checkStock({
  stock,
  limitPerBuyer,
  limitPerHousehold,
}: Readonly<Record<'stock' | 'limitPerBuyer' | 'limitPerHousehold', unknown>>): SkuRule[] {
  const entries = Object.entries(checkObject(stock, 'stock', 'of SKUs and their units'))
  if (entries.length === 0) throw invalid('stock', 'must name at least one SKU')
  if (entries.length > MAX_SKUS) throw invalid('stock', `must name at most ${MAX_SKUS} SKUs`)
  const known = new Map<string, unknown>(entries)
  const limitOf = checkSkuLimits(limitPerBuyer, limitNames.buyer, known)
  const householdLimitOf = checkSkuLimits(limitPerHousehold, limitNames.household, known)
  return entries
    .map(([sku, units]) => {
      const householdLimit = householdLimitOf(sku)
      return {
        sku: checkId(sku, 'stock: a SKU'),
        stock: checkInteger(units, `stock[${label(sku)}]`, 0, MAX_UNITS),
        limit: limitOf(sku),
        ...(householdLimit !== null && { householdLimit }),
      }
    })
    .sort((a, b) => (a.sku < b.sku ? -1 : 1))
}

/** Only `undefined` has a default: `null` is a value, and an invalid one. */
function orElse(value: unknown, fallback: number): unknown {
  return value === undefined ? fallback : value
}

function optionalMoment(value: unknown, argument: string): number | null {
  return value === undefined ? null : checkMoment(value, argument)
}
