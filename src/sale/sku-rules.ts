import type { SkuRule } from '../engine/engine.js'
import { invalid } from '../errors.js'
import { checkBoolean, checkMoment, checkObject, checkOptions, type Names } from '../validation.js'
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
}

/** The same in an update, where `null` removes a rule. */
export type SkuUpdate = { [K in keyof SkuOptions]?: SkuOptions[K] | null | undefined }

/** Rules of SKUs of valid shape, by name; `null` removes one. */
export type CheckedSkus = ReadonlyMap<string, OwnRules>

interface OwnRules {
  readonly opensAt?: number | null
  readonly closesAt?: number | null
  readonly always?: boolean
}

const OPTIONS: Names<SkuOptions> = { opensAt: true, closesAt: true, always: true }
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
  if (removes && given === null) return { opensAt: null, closesAt: null, always: false }
  const { opensAt, closesAt, always } = checkOptions(given, argument, OPTIONS)
  const moment = (name: 'opensAt' | 'closesAt', value: unknown) => {
    if (value === undefined) return {}
    return { [name]: removes && value === null ? null : checkMoment(value, `${argument}.${name}`) }
  }
  const isAlways = removes && always === null ? false : always
  return {
    ...moment('opensAt', opensAt),
    ...moment('closesAt', closesAt),
    ...(isAlways !== undefined && { always: checkBoolean(isAlways, `${argument}.always`) }),
  }
}

/** The SKUs with these rules in place of their own; rules that are not given stay. */
export function withOwnRules(skus: readonly SkuRule[], given: CheckedSkus): SkuRule[] {
  const known = new Set(skus.map(({ sku }) => sku))
  for (const sku of given.keys())
    if (!known.has(sku)) throw invalid(`skus[${label(sku)}]`, 'names a SKU that is not in the sale')
  return skus.map((rule) => {
    const own = given.get(rule.sku)
    return own ? changed(rule, own) : rule
  })
}

function changed(
  { opensAt: opens, closesAt: closes, always: was, ...rule }: SkuRule,
  own: OwnRules,
): SkuRule {
  const { opensAt = opens, closesAt = closes, always = was } = own
  if (opensAt != null && closesAt != null && closesAt <= opensAt)
    throw invalid(`skus[${label(rule.sku)}].closesAt`, 'must be after its opensAt')
  return {
    ...rule,
    ...(opensAt != null && { opensAt }),
    ...(closesAt != null && { closesAt }),
    ...(always && { always }),
  }
}

/** What an update has changed in the rules of SKUs, as the event `updated` tells it. */
export function ownRulesChanges(before: readonly SkuRule[], after: readonly SkuRule[]) {
  const changes = after.flatMap((rule, index) => {
    const known = before[index]
    const change = {
      ...(rule.opensAt !== known?.opensAt && { opensAt: rule.opensAt ?? null }),
      ...(rule.closesAt !== known?.closesAt && { closesAt: rule.closesAt ?? null }),
      ...(rule.always !== known?.always && { always: rule.always ?? null }),
    }
    return Object.keys(change).length === 0 ? [] : [[rule.sku, change] as const]
  })
  return changes.length === 0 ? undefined : Object.fromEntries(changes)
}
