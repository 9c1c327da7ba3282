import type { SkuRule } from '../engine/engine.js'
import { invalid } from '../errors.js'
import { checkBoolean, checkId, checkMoment, checkObject, checkOptions, type Names } from '../validation.js'
import { label } from './labels.js'

/** Rules of one SKU beside those of the sale. */
export interface SkuOptions {
  /** Before this time the SKU is `not_started`: a Date or epoch ms. @default that of the sale */
  opensAt?: Date | number | undefined
  /** From this time on the SKU is `ended`: a Date or epoch ms. @default that of the sale */
  closesAt?: Date | number | undefined
  /**
   * Sold without a pass of the waiting room, for staff or a box office. The room does not count its
   * units. @default false
   */
  always?: boolean | undefined
  /**
   * The SKU whose units those become that are released, expire, are refunded with `restock`, or are
   * dropped by an amend. That SKU keeps what comes back to it. @default they stay
   */
  returnsTo?: string | undefined
}

/** The same in an update, where `null` removes a rule. */
export type SkuUpdate = { [K in keyof SkuOptions]?: SkuOptions[K] | null | undefined }

/** Rules of SKUs of valid shape, by name; `null` removes one. */
export type CheckedSkus = ReadonlyMap<string, OwnRules>

interface OwnRules {
  readonly opensAt?: number | null
  readonly closesAt?: number | null
  readonly always?: boolean
  readonly returnsTo?: string | null
}

const OPTIONS: Names<SkuOptions> = { opensAt: true, closesAt: true, always: true, returnsTo: true }
const NONE: OwnRules = { opensAt: null, closesAt: null, always: false, returnsTo: null }
/** SKUs that one update may name: the event of the update names them too. */
export const MAX_NAMED = 1_000

/** @param removes Whether `null` is allowed: it removes a rule, or all rules of a SKU. */
export function checkSkus(given: unknown, removes: boolean): CheckedSkus {
  const entries = Object.entries(checkObject(given, 'skus', 'of SKUs and their rules'))
  if (removes && entries.length > MAX_NAMED)
    throw invalid('skus', `must name at most ${MAX_NAMED} SKUs in one update`)
  return new Map(entries.map(([sku, rules]) => [sku, checkOwn(rules, `skus[${label(sku)}]`, removes)]))
}

function checkOwn(given: unknown, argument: string, removes: boolean): OwnRules {
  if (removes && given === null) return NONE
  const { opensAt, closesAt, always, returnsTo } = checkOptions(given, argument, OPTIONS)
  const moment = (name: 'opensAt' | 'closesAt', value: unknown) => {
    if (value === undefined) return {}
    return { [name]: removes && value === null ? null : checkMoment(value, `${argument}.${name}`) }
  }
  const isAlways = removes && always === null ? false : always
  return {
    ...moment('opensAt', opensAt),
    ...moment('closesAt', closesAt),
    ...(isAlways !== undefined && { always: checkBoolean(isAlways, `${argument}.always`) }),
    ...(returnsTo !== undefined && {
      returnsTo: removes && returnsTo === null ? null : checkId(returnsTo, `${argument}.returnsTo`),
    }),
  }
}

/** The SKUs with these rules in place of their own; rules that are not given stay. */
export function withOwnRules(skus: readonly SkuRule[], given: CheckedSkus): SkuRule[] {
  const places = new Map(skus.map(({ sku }, place) => [sku, place]))
  for (const sku of given.keys())
    if (!places.has(sku)) throw invalid(`skus[${label(sku)}]`, 'names a SKU that is not in the sale')
  const after = skus.map((rule) => {
    const own = given.get(rule.sku)
    return own ? changed(rule, own, places) : rule
  })
  for (const rule of after) checkReturns(rule, after)
  return after
}

/** Units that come back go one step: what becomes of them is seen in the rules of one SKU. */
function checkReturns({ sku, returnsTo }: SkuRule, skus: readonly SkuRule[]): void {
  const target = returnsTo === undefined ? undefined : skus[returnsTo]!
  if (target?.returnsTo === undefined) return
  const argument = `skus[${label(sku)}].returnsTo`
  if (target.sku === sku) throw invalid(argument, 'must name another SKU; leave it out if units stay')
  const end = label(skus[target.returnsTo]!.sku)
  throw invalid(
    argument,
    `names ${label(target.sku)}, which returns its own units to ${end}: name ${end}, or remove the returnsTo of ${label(target.sku)}`,
  )
}

function changed(
  { opensAt: opens, closesAt: closes, always: was, returnsTo: to, ...rule }: SkuRule,
  own: OwnRules,
  places: ReadonlyMap<string, number>,
): SkuRule {
  const { opensAt = opens, closesAt = closes, always = was } = own
  const named = own.returnsTo == null ? null : places.get(own.returnsTo)
  if (named === undefined)
    throw invalid(`skus[${label(rule.sku)}].returnsTo`, 'names a SKU that is not in the sale')
  const returnsTo = own.returnsTo === undefined ? to : named
  if (opensAt != null && closesAt != null && closesAt <= opensAt)
    throw invalid(`skus[${label(rule.sku)}].closesAt`, 'must be after its opensAt')
  return {
    ...rule,
    ...(opensAt != null && { opensAt }),
    ...(closesAt != null && { closesAt }),
    ...(always && { always }),
    ...(returnsTo != null && { returnsTo }),
  }
}

/** The name of the SKU that the units of another return to; `null`: they stay. */
export function nameReturnsTo(
  skus: readonly SkuRule[],
  { returnsTo }: Pick<SkuRule, 'returnsTo'>,
): string | null {
  return returnsTo === undefined ? null : skus[returnsTo]!.sku
}

/** What an update has changed in the rules of SKUs, as the event `updated` tells it. */
export function ownRulesChanges(before: readonly SkuRule[], after: readonly SkuRule[]) {
  const changes = after.flatMap((rule, index) => {
    const known = before[index]
    const change = {
      ...(rule.opensAt !== known?.opensAt && { opensAt: rule.opensAt ?? null }),
      ...(rule.closesAt !== known?.closesAt && { closesAt: rule.closesAt ?? null }),
      ...(rule.always !== known?.always && { always: rule.always ?? null }),
      ...(rule.returnsTo !== known?.returnsTo && { returnsTo: nameReturnsTo(after, rule) }),
    }
    return Object.keys(change).length === 0 ? [] : [[rule.sku, change] as const]
  })
  return changes.length === 0 ? undefined : Object.fromEntries(changes)
}
