import type { SaleRules } from '../../src/sale/rules.js'
import type { RulesUpdate } from '../../src/sale/rules-update.js'
import type { LimitRule } from '../../src/sale/shared-limits.js'

const DEFAULT_HOLD_MS = 600_000
const DEFAULT_MAX_HOLD_MS = 3_600_000

interface OwnRules {
  readonly opensAt: number | null
  readonly closesAt: number | null
  readonly always: boolean
  /** The SKU whose units those become that come back. */
  readonly returnsTo: string | null
}

const NONE: OwnRules = { opensAt: null, closesAt: null, always: false, returnsTo: null }

/** The rules in force. A SKU without a limit has `null`. */
export interface Present {
  readonly revision: number
  readonly opensAt: number | null
  readonly closesAt: number | null
  readonly holdMs: number
  readonly maxHoldMs: number
  /** By SKU, in the order in which the sale has them. */
  readonly limits: ReadonlyMap<string, number | null>
  /** The same of households. */
  readonly households: ReadonlyMap<string, number | null>
  /** The highest limits that were ever in force. */
  readonly highest: ReadonlyMap<string, number | null>
  /** The limits over several SKUs, and their SKUs, in the order in which the sale has them. */
  readonly shared: readonly LimitRule[]
  /** The own times of SKUs, and whether they are sold without a pass. */
  readonly own: ReadonlyMap<string, OwnRules>
  /** Units that each SKU began with. */
  readonly stock: ReadonlyMap<string, number>
}

export function presentOf(rules: SaleRules): Present {
  const { stock, holdMs = DEFAULT_HOLD_MS, opensAt, closesAt } = rules
  const skus = Object.keys(stock).sort()
  const limitsOf = (limit: SaleRules['limitPerBuyer']) =>
    new Map(skus.map((sku) => [sku, (typeof limit === 'object' ? limit[sku] : limit) ?? null]))
  const limits = limitsOf(rules.limitPerBuyer)
  return {
    revision: 0,
    opensAt: opensAt === undefined ? null : Number(opensAt),
    closesAt: closesAt === undefined ? null : Number(closesAt),
    holdMs,
    maxHoldMs: rules.maxHoldMs ?? Math.max(DEFAULT_MAX_HOLD_MS, holdMs),
    limits,
    households: limitsOf(rules.limitPerHousehold),
    highest: limits,
    shared: inOrder(rules.limits ?? [], skus)!,
    own: ownAfter(new Map(), rules.skus ?? {})!,
    stock: new Map(skus.map((sku) => [sku, stock[sku]!])),
  }
}

/**
 * The rules after an update: the very same object if it changes nothing, `undefined` if it is
 * wrong.
 */
export function updated(present: Present, update: RulesUpdate): Present | undefined {
  const { opensAt = present.opensAt, closesAt = present.closesAt } = update
  const holdMs = update.holdMs === undefined ? present.holdMs : (update.holdMs ?? DEFAULT_HOLD_MS)
  const maxHoldMs =
    update.maxHoldMs === undefined
      ? present.maxHoldMs
      : (update.maxHoldMs ?? Math.max(DEFAULT_MAX_HOLD_MS, holdMs))
  if (opensAt !== null && closesAt !== null && closesAt <= opensAt) return undefined
  if (maxHoldMs < holdMs) return undefined
  const added = Object.entries(update.stock ?? {}).sort(([a], [b]) => (a < b ? -1 : 1))
  if (added.some(([sku, units]) => (present.stock.get(sku) ?? units) !== units)) return undefined
  const stock = new Map([...present.stock, ...added])
  const skus = [...stock.keys()]
  const limits = limitsAfter(present.limits, skus, update.limitPerBuyer)
  const households = limitsAfter(present.households, skus, update.limitPerHousehold)
  const shared = update.limits === undefined ? present.shared : inOrder(update.limits ?? [], skus)
  const own = ownAfter(present.own, update.skus ?? {})
  if (!limits || !households || !shared || !own || [...own.keys()].some((sku) => !stock.has(sku)))
    return undefined
  const targets = [...own.values()].flatMap(({ returnsTo }) => (returnsTo === null ? [] : [returnsTo]))
  if (targets.some((sku) => !stock.has(sku) || own.get(sku)?.returnsTo)) return undefined
  const next = {
    ...present,
    opensAt: opensAt === null ? null : Number(opensAt),
    closesAt: closesAt === null ? null : Number(closesAt),
    ...{ holdMs, maxHoldMs, limits, households, shared, own, stock },
  }
  if (contentOf(next) === contentOf(present)) return present
  const highest = [...limits].map(([sku, limit]) => [sku, higher(limit, present.highest.get(sku))] as const)
  return { ...next, revision: present.revision + 1, highest: new Map(highest) }
}

/**
 * Whether every reservation has a household: decided by the rules that a sale was created with. Or
 * whether an update puts a limit of households in force.
 */
export function hasHouseholds({
  limitPerHousehold: limit,
  limits,
}: Partial<SaleRules> | RulesUpdate): boolean {
  const given = typeof limit === 'object' && limit !== null ? Object.values(limit) : [limit]
  const ofSome = limits?.some(({ perHousehold }) => perHousehold !== undefined)
  return ofSome === true || given.some((one) => typeof one === 'number')
}

function limitsAfter(
  before: Present['limits'],
  skus: readonly string[],
  given: RulesUpdate['limitPerBuyer'],
): Map<string, number | null> | undefined {
  const [first] = before.values()
  const ofNew = [...before.values()].every((limit) => limit === first) ? first! : null
  const limits = new Map(skus.map((sku) => [sku, before.has(sku) ? before.get(sku)! : ofNew]))
  if (given === undefined) return limits
  if (given === null || typeof given === 'number') return new Map(skus.map((sku) => [sku, given]))
  for (const [sku, limit] of Object.entries(given)) {
    if (!limits.has(sku)) return undefined
    limits.set(sku, limit)
  }
  return limits
}

/** `undefined`: times that contradict each other. A SKU without rules of its own is left out. */
function ownAfter(
  before: ReadonlyMap<string, OwnRules>,
  given: NonNullable<RulesUpdate['skus']>,
): Map<string, OwnRules> | undefined {
  const after = new Map(before)
  for (const [sku, rules] of Object.entries(given)) {
    const known = before.get(sku) ?? NONE
    const {
      opensAt = known.opensAt,
      closesAt = known.closesAt,
      always = known.always,
      returnsTo = known.returnsTo,
    } = rules ?? NONE
    if (opensAt !== null && closesAt !== null && closesAt <= opensAt) return undefined
    const moment = (time: Date | number | null) => (time === null ? null : Number(time))
    const times = { opensAt: moment(opensAt), closesAt: moment(closesAt) }
    after.set(sku, { ...times, always: always === true, returnsTo })
  }
  return new Map([...after].sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** `undefined`: a SKU is unknown. */
function inOrder(limits: readonly LimitRule[], skus: readonly string[]): LimitRule[] | undefined {
  if (limits.some((limit) => limit.skus.some((sku) => !skus.includes(sku)))) return undefined
  const places = (own: readonly string[]) => skus.flatMap((sku, i) => (own.includes(sku) ? [i] : []))
  return limits
    .map(({ skus: own, ...units }) => ({ places: places(own), units }))
    .sort((a, b) => {
      const differing = a.places.findIndex((place, i) => place !== b.places[i])
      return differing < 0 ? -1 : a.places[differing]! - (b.places[differing] ?? -1)
    })
    .map((limit) => ({ skus: limit.places.map((i) => skus[i]!), ...limit.units }))
}

function higher(limit: number | null, before: number | null | undefined): number | null {
  if (before === undefined) return limit
  return limit === null || before === null ? null : Math.max(limit, before)
}

/** The rules as text: two updates may lead to rules that differ and have one revision. */
export function contentOf(present: Present): string {
  const { opensAt, closesAt, holdMs, maxHoldMs, limits, households, shared, own, stock } = present
  const set = [...own].filter(
    ([, { opensAt: opens, closesAt: closes, always, returnsTo }]) =>
      opens !== null || closes !== null || always || returnsTo !== null,
  )
  const maps = [limits, households, stock].map((map) => [...map])
  return JSON.stringify([opensAt, closesAt, holdMs, maxHoldMs, shared, set, maps])
}
