import type { Rules, RulesChanges, SkuRule } from '../engine/engine.js'
import { longestHoldOf, type Whose } from '../engine/rules.js'
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
import { DEFAULT_HOLD_MS, DEFAULT_MAX_HOLD_MS, MAX_SKUS } from './rules.js'
import {
  checkSharedLimits,
  isSameLimits,
  type LimitRule,
  limitsAfter,
  publicLimits,
  sharedLimits,
} from './shared-limits.js'
import {
  checkLimitUpdate,
  commonLimit,
  type LimitUpdates,
  limitAfter,
  limitChanges,
  limitNames,
  publicLimit,
  withLimits,
} from './sku-limits.js'
import {
  type CheckedSkus,
  checkSkus,
  MAX_NAMED,
  ownRulesChanges,
  type SkuUpdate,
  withOwnRules,
} from './sku-rules.js'

/** What `sale.update` takes. A rule that is not named stays as it is; `null` removes a rule. */
export interface RulesUpdate {
  /** When reservations begin: a Date or epoch ms. `null`: at once. */
  opensAt?: Date | number | null | undefined
  /** When reservations end. A later time reopens a sale that this time has ended. `null`: never. */
  closesAt?: Date | number | null | undefined
  /**
   * Units of a SKU that a buyer may have held and confirmed at a time: one number for all SKUs, or
   * a number for each of some SKUs. A lower limit applies to new units only.
   */
  limitPerBuyer?: number | null | Readonly<Record<string, number | null>> | undefined
  /**
   * The same for a household: only in a sale that was created with a limit of households, because
   * earlier reservations have no household.
   */
  limitPerHousehold?: number | null | Readonly<Record<string, number | null>> | undefined
  /**
   * All limits over several SKUs, in place of the present ones; they apply to new units only.
   * `null`: none.
   */
  limits?: readonly LimitRule[] | null | undefined
  /** Rules of single SKUs; `null` in place of a rule, or of all rules of a SKU, removes it. */
  skus?: Readonly<Record<string, SkuUpdate | null>> | undefined
  /** How long new reservations hold their units, in ms. `null`: ten minutes. */
  holdMs?: number | null | undefined
  /**
   * How long a reservation may hold its units including its extensions, in ms. Holds keep the time
   * they have. `null`: an hour, or `holdMs` if that is longer.
   */
  maxHoldMs?: number | null | undefined
  /**
   * SKUs that are new, with their units: at most 1,000 in one call. If all other SKUs have the same
   * limit, a new one has it too.
   */
  stock?: Readonly<Record<string, number>> | undefined
  /** How long a sale that has ended stays, in ms: see `create`. `null`: for ever. */
  retainMs?: number | null | undefined
}

/** An update of valid shape. It is not yet checked against the rules in force. */
export interface CheckedUpdate {
  readonly opensAt?: number | null
  readonly closesAt?: number | null
  readonly limits: LimitUpdates
  readonly shared?: readonly LimitRule[]
  readonly skus?: CheckedSkus
  readonly holdMs?: number | null
  readonly maxHoldMs?: number | null
  readonly retainMs?: number | null
  readonly stock: ReadonlyMap<string, number>
}

/** The rules after an update, and how they differ. */
export interface UpdatedRules {
  readonly rules: Rules
  readonly changes: RulesChanges
}

const UPDATE: Names<RulesUpdate> = {
  opensAt: true,
  closesAt: true,
  limitPerBuyer: true,
  limitPerHousehold: true,
  limits: true,
  skus: true,
  holdMs: true,
  maxHoldMs: true,
  stock: true,
  retainMs: true,
}
/** @throws {StockholdError} `INVALID_ARGUMENT` */
export function checkUpdate(given: RulesUpdate): CheckedUpdate {
  const update = checkOptions(given, 'update', UPDATE)
  const { limits, skus } = update
  const moment = (name: 'opensAt' | 'closesAt') =>
    update[name] === undefined
      ? {}
      : { [name]: update[name] === null ? null : checkMoment(update[name], name) }
  const span = (name: 'holdMs' | 'maxHoldMs' | 'retainMs') =>
    update[name] === undefined
      ? {}
      : { [name]: update[name] === null ? null : checkInteger(update[name], name, 1, MAX_SPAN_MS) }
  return {
    ...moment('opensAt'),
    ...moment('closesAt'),
    ...span('holdMs'),
    ...span('maxHoldMs'),
    ...span('retainMs'),
    limits: checkLimits(update),
    ...(limits !== undefined && { shared: limits === null ? [] : checkSharedLimits(limits) }),
    ...(skus !== undefined && { skus: checkSkus(skus, true) }),
    stock: checkNewStock(update.stock),
  }
}

function checkLimits(update: { readonly [W in Whose as (typeof limitNames)[W]]: unknown }): LimitUpdates {
  const limit = (whose: Whose) => {
    const given = update[limitNames[whose]]
    return given === undefined ? {} : { [whose]: checkLimitUpdate(given, limitNames[whose], entriesOf) }
  }
  return { ...limit('buyer'), ...limit('household') }
}

/** For a sale whose reservations have no household. @throws INVALID_ARGUMENT */
export function refuseHouseholds({ limits: { household = null }, shared = [] }: CheckedUpdate): void {
  const some = household instanceof Map ? [...household.values()] : [household as number | null]
  const isLimited = some.some((limit) => limit !== null)
  if (!isLimited && shared.every(({ perHousehold }) => perHousehold === undefined)) return
  const why = 'this sale was created without one, so its reservations have no household'
  throw invalid('limitPerHousehold', `and perHousehold cannot be set: ${why}`)
}

function checkNewStock(given: unknown): ReadonlyMap<string, number> {
  if (given === undefined) return new Map()
  const stock = entriesOf(given, 'stock', 'of SKUs and their units').map(
    ([sku, units]) =>
      [checkId(sku, 'stock: a SKU'), checkInteger(units, `stock[${label(sku)}]`, 0, MAX_UNITS)] as const,
  )
  return new Map(stock)
}

function entriesOf(given: unknown, argument: string, what: string): [string, unknown][] {
  const entries = Object.entries(checkObject(given, argument, what))
  if (entries.length > MAX_NAMED) throw invalid(argument, `must name at most ${MAX_NAMED} SKUs in one update`)
  return entries
}

/**
 * Applies an update to the rules in force. `undefined`: it changes nothing.
 *
 * @throws {StockholdError} `INVALID_ARGUMENT`: the rules contradict each other, or a SKU of `stock`
 *   is on sale already, with other units.
 */
export function applyUpdate(present: Rules, update: CheckedUpdate): UpdatedRules | undefined {
  const times = timesAfter(present, update)
  const holds = holdsAfter(present, update)
  const named = skusAfter(present, update)
  const skus = update.skus ? withOwnRules(named, update.skus) : named
  const { limits: before = [] } = present
  const limits = update.shared ? limitsAfter(before, sharedLimits(update.shared, skus)) : before
  const { retainMs = present.retainMs } = update
  const longestHoldMs = Math.max(longestHoldOf(present), holds.maxHoldMs)
  const rules: Rules = {
    skus,
    ...(limits.length > 0 && { limits }),
    ...holds,
    ...(longestHoldMs > holds.maxHoldMs && { longestHoldMs }),
    ...times,
    partitions: present.partitions,
    ...(typeof retainMs === 'number' && { retainMs }),
  }
  if (JSON.stringify(rules) === JSON.stringify(present)) return undefined
  return { rules, changes: changesOf(present, rules, update) }
}

function timesAfter(present: Rules, update: CheckedUpdate): Pick<Rules, 'opensAt' | 'closesAt'> {
  const { opensAt = present.opensAt, closesAt = present.closesAt } = update
  if (opensAt !== null && closesAt !== null && closesAt <= opensAt)
    throw invalid('closesAt', `must be after opensAt (${new Date(opensAt).toISOString()})`)
  return { opensAt, closesAt }
}

function holdsAfter(present: Rules, update: CheckedUpdate): Pick<Rules, 'holdMs' | 'maxHoldMs'> {
  const { holdMs: hold = present.holdMs, maxHoldMs: longest = present.maxHoldMs } = update
  const holdMs = hold ?? DEFAULT_HOLD_MS
  const maxHoldMs = longest ?? Math.max(DEFAULT_MAX_HOLD_MS, holdMs)
  if (maxHoldMs < holdMs) throw invalid('maxHoldMs', `must not be less than holdMs (${holdMs})`)
  return { holdMs, maxHoldMs }
}

function skusAfter(present: Rules, { limits, stock }: CheckedUpdate): SkuRule[] {
  const known = new Map(present.skus.map((rule) => [rule.sku, rule]))
  for (const whose of ['buyer', 'household'] as const) {
    const update = limits[whose]
    for (const sku of update instanceof Map ? update.keys() : [])
      if (!known.has(sku) && !stock.has(sku))
        throw invalid(`${limitNames[whose]}[${label(sku)}]`, 'names a SKU that is not in the sale')
  }
  const [ofBuyer, ofHousehold] = [commonLimit(present, 'buyer'), commonLimit(present, 'household')]
  const added: SkuRule[] = []
  for (const [sku, units] of [...stock].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const rule = known.get(sku)
    if (!rule) {
      const limit = limitAfter(limits.buyer, sku, ofBuyer)
      const householdLimit = limitAfter(limits.household, sku, ofHousehold)
      added.push({ sku, stock: units, limit, ...(householdLimit !== null && { householdLimit }) })
    } else if (rule.stock !== units)
      throw invalid(`stock[${label(sku)}]`, 'is on sale already: change its units by restock')
  }
  if (present.skus.length + added.length > MAX_SKUS)
    throw invalid('stock', `must not bring the sale to more than ${MAX_SKUS} SKUs`)
  const changed = present.skus.map((rule) =>
    withLimits(
      rule,
      limitAfter(limits.buyer, rule.sku, rule.limit),
      limitAfter(limits.household, rule.sku, rule.householdLimit ?? null),
    ),
  )
  return [...changed, ...added]
}

function changesOf(before: Rules, after: Rules, { limits }: CheckedUpdate): RulesChanges {
  const skus = ownRulesChanges(before.skus, after.skus)
  const added = after.skus.slice(before.skus.length)
  const limitPerBuyer = limitChanges(before.skus, after.skus, limits, 'buyer')
  const limitPerHousehold = limitChanges(before.skus, after.skus, limits, 'household')
  return {
    ...(after.opensAt !== before.opensAt && { opensAt: after.opensAt }),
    ...(after.closesAt !== before.closesAt && { closesAt: after.closesAt }),
    ...(limitPerBuyer !== undefined && { limitPerBuyer }),
    ...(limitPerHousehold !== undefined && { limitPerHousehold }),
    ...(!isSameLimits(before, after) && { limits: after.limits ? publicLimits(after) : null }),
    ...(skus && { skus }),
    ...(after.holdMs !== before.holdMs && { holdMs: after.holdMs }),
    ...(after.maxHoldMs !== before.maxHoldMs && { maxHoldMs: after.maxHoldMs }),
    ...(after.retainMs !== before.retainMs && { retainMs: after.retainMs ?? null }),
    ...(added.length > 0 && { stock: Object.fromEntries(added.map(({ sku, stock }) => [sku, stock])) }),
  }
}

/** The result of `sale.update`. */
export interface UpdateResult {
  /** Counts the changes of the rules: 0 for those that the sale was created with. */
  readonly revision: number
  /** These rules were in force already, and nothing changed. */
  readonly replayed: boolean
}

/** The rules of one SKU. */
export interface SkuRules {
  /** Units that a buyer may have held and confirmed at a time; `null`: no limit. */
  readonly limitPerBuyer: number | null
  /** The same for a household; missing: no limit. */
  readonly limitPerHousehold?: number | undefined
  /** Its own times and whether it is sold without a pass; missing if not set. */
  readonly opensAt?: number | undefined
  readonly closesAt?: number | undefined
  readonly always?: boolean | undefined
  /** The SKU that its units return to; missing: they stay. */
  readonly returnsTo?: string | undefined
}

/** The rules in force: the result of `sale.rules`. Times are epoch ms. */
export interface RulesInForce {
  /** The SKUs of the sale. */
  readonly skus: Readonly<Record<string, SkuRules>>
  /** One number if it is the limit of every SKU; `null`: no limits. */
  readonly limitPerBuyer: number | Readonly<Record<string, number>> | null
  readonly limitPerHousehold: number | Readonly<Record<string, number>> | null
  /** The limits over several SKUs together. */
  readonly limits: readonly LimitRule[]
  readonly holdMs: number
  readonly maxHoldMs: number
  readonly opensAt: number | null
  readonly closesAt: number | null
  readonly partitions: number
  /** How long the sale stays after its end, in ms; `null`: for ever. */
  readonly retainMs: number | null
  /** Counts the changes of the rules: 0 for those that the sale was created with. */
  readonly revision: number
  /** The server's time when it answered. */
  readonly serverTime: number
}

export function rulesInForce(rules: Rules, revision: number, serverTime: number): RulesInForce {
  const { skus, holdMs, maxHoldMs, opensAt, closesAt, partitions, retainMs = null } = rules
  return {
    skus: Object.fromEntries(
      skus.map((rule) => {
        const { sku, limit, householdLimit, stock: _, highestLimit: __, returnsTo: to, ...rest } = rule
        const { highestHouseholdLimit: ___, ...own } = rest
        const ofHousehold = householdLimit !== undefined && { limitPerHousehold: householdLimit }
        return [
          sku,
          {
            ...{ limitPerBuyer: limit, ...ofHousehold, ...own },
            ...(to !== undefined && { returnsTo: skus[to]!.sku }),
          },
        ]
      }),
    ),
    limitPerBuyer: publicLimit(rules, 'buyer'),
    limitPerHousehold: publicLimit(rules, 'household'),
    limits: publicLimits(rules),
    holdMs,
    maxHoldMs,
    opensAt,
    closesAt,
    partitions,
    retainMs,
    revision,
    serverTime,
  }
}
