import type { Retry } from './port.js'

/** One SKU of a sale. */
export interface SkuRule {
  readonly sku: string
  /** Units on sale when the SKU was added. */
  readonly stock: number
  /** Units one buyer may have held and confirmed at a time; `null` without a limit. */
  readonly limit: number | null
  /**
   * The highest limit that was ever in force, unless that is `limit`; `null`: there was none.
   * Buyers may still have that many units.
   */
  readonly highestLimit?: number | null | undefined
  /** Units one household may have held and confirmed at a time; missing: no limit. */
  readonly householdLimit?: number | undefined
  /** As `highestLimit`. */
  readonly highestHouseholdLimit?: number | null | undefined
  /** Its own times; missing: those of the sale alone. */
  readonly opensAt?: number | undefined
  readonly closesAt?: number | undefined
  /** Sold without a pass of the waiting room. Missing: no. */
  readonly always?: boolean | undefined
  /**
   * The index of the SKU whose units those become that come back. That SKU has no such rule itself.
   * Missing: they stay.
   */
  readonly returnsTo?: number | undefined
}

/** A limit over the units of several SKUs together, beside the limits of each. */
export interface SharedLimit {
  /** The indices of its SKUs, in ascending order. */
  readonly skus: readonly number[]
  /**
   * Units of these SKUs together that one buyer may have held and confirmed at a time; missing: no
   * limit.
   */
  readonly perBuyer?: number | undefined
  /**
   * The highest `perBuyer` of these SKUs that was ever in force, unless that is `perBuyer`; `null`:
   * for a time there was no limit over these very SKUs.
   */
  readonly highest?: number | null | undefined
  /** The same for a household. */
  readonly perHousehold?: number | undefined
  readonly highestPerHousehold?: number | null | undefined
}

/**
 * The rules of a sale. Two `Rules` are the same if their JSON is. What is not set and has no `null`
 * is left out.
 */
export interface Rules {
  /**
   * First those the sale was created with, in ascending order of the SKU's code units, then those
   * of later updates: an index keeps its meaning for the life of the sale.
   */
  readonly skus: readonly SkuRule[]
  /** In order of their SKUs, no two over the same ones. Missing if there are none. */
  readonly limits?: readonly SharedLimit[] | undefined
  readonly holdMs: number
  readonly maxHoldMs: number
  /** The longest `maxHoldMs` that was ever in force, unless that is `maxHoldMs`. */
  readonly longestHoldMs?: number | undefined
  readonly opensAt: number | null
  readonly closesAt: number | null
  readonly partitions: number
  /** How long after its end a sale in which nothing is held stays. `undefined`: for ever. */
  readonly retainMs?: number | undefined
}

/** The rules in force. */
export interface PresentRules {
  /** 0 for the rules the sale was created with; one more with each update. */
  readonly revision: number
  readonly rules: Rules
  /** All partitions are known to have them. Only partition 0 knows. */
  readonly everywhere: boolean
}

/** What an update has changed in the rules of a SKU. */
export interface SkuChanges {
  readonly opensAt?: number | null | undefined
  readonly closesAt?: number | null | undefined
  readonly always?: boolean | null | undefined
  /** The name of a SKU. */
  readonly returnsTo?: string | null | undefined
}

/** What an update has changed, by the names of `sale.update`. `null`: a rule was removed. */
export interface RulesChanges {
  readonly opensAt?: number | null | undefined
  readonly closesAt?: number | null | undefined
  readonly limitPerBuyer?: number | null | Readonly<Record<string, number | null>> | undefined
  readonly limitPerHousehold?: number | null | Readonly<Record<string, number | null>> | undefined
  /** All limits over several SKUs that are in force now. */
  readonly limits?:
    | readonly {
        readonly skus: readonly string[]
        readonly perBuyer?: number | undefined
        readonly perHousehold?: number | undefined
      }[]
    | null
    | undefined
  readonly holdMs?: number | undefined
  readonly maxHoldMs?: number | undefined
  /** Rules of SKUs that were changed; `null`: the rule was removed. */
  readonly skus?: Readonly<Record<string, SkuChanges>> | undefined
  /** Units of the SKUs that were added. */
  readonly stock?: Readonly<Record<string, number>> | undefined
  readonly retainMs?: number | null | undefined
}

/**
 * Rules that change while the sale runs.
 *
 * - `create` compares with the rules that the sale was created with, and `describe` answers both.
 * - Partition 0 decides between updates: an update names the revision that it was made from. The
 *   other partitions then adopt the rules, in any order and as often as they are told.
 * - Every reply carries the partition's revision, so a caller that knows older rules learns of the
 *   new ones, and one that knows newer rules brings them to this partition.
 * - An item that names a SKU which the partition does not have yet answers `retry`.
 * - Holds that expired before an update go where the rules before it say.
 * - `holdMs` of a reservation that asks for none is the present one. A hold keeps its `expiresAt`.
 * - A call with `bypassFreeze` applies the highest limits and the longest `maxHoldMs` that were
 *   ever in force: what was right when it was acknowledged can be restored.
 */
export interface RulesCommands {
  /**
   * Puts rules in force: those of `revision`, if the present revision is `after`, or, if `after` is
   * `null`, any lower one. New SKUs begin with this partition's part of their stock; `changes` is
   * the content of the event `updated`. `unchanged`: these very rules are in force. `outdated`:
   * others are, and nothing changed.
   *
   * `everywhere`: all partitions have adopted these rules. That alone writes no event.
   */
  update: {
    op: {
      readonly revision: number
      readonly after: number | null
      readonly rules: Rules
      readonly changes: RulesChanges | null
      readonly everywhere: boolean
    }
    answer: { readonly status: 'updated' | 'unchanged' | 'outdated'; readonly revision: number } | Retry
  }
}

/** Whose units a limit counts. */
export type Whose = 'buyer' | 'household'

/**
 * A limit of one SKU, `null` for none.
 *
 * @param ever For a reservation that was acknowledged at any time before.
 */
export function limitOf(rule: SkuRule, whose: Whose, ever: boolean): number | null {
  const [present, highest] =
    whose === 'buyer'
      ? [rule.limit, rule.highestLimit]
      : [rule.householdLimit ?? null, rule.highestHouseholdLimit]
  return ever && highest !== undefined ? highest : present
}

/** The same of a limit that several SKUs share. */
export function sharedLimitOf(limit: SharedLimit, whose: Whose, ever: boolean): number | null {
  const [present = null, highest] =
    whose === 'buyer' ? [limit.perBuyer, limit.highest] : [limit.perHousehold, limit.highestPerHousehold]
  return ever && highest !== undefined ? highest : present
}

/** The highest limit that was ever in force, once `limit` is; `null` stands for none. */
export function highestAfter(before: number | null, limit: number | null): number | null {
  return before === null || limit === null ? null : Math.max(before, limit)
}

/** Whether a limit of these rules counts the units of households. */
export function limitsHouseholds({ skus, limits = [] }: Rules): boolean {
  return (
    skus.some(({ householdLimit }) => householdLimit !== undefined) ||
    limits.some(({ perHousehold }) => perHousehold !== undefined)
  )
}

/** Whether a SKU is outside its own times at a moment, and on which side. */
export function outsideTimes(
  { opensAt, closesAt }: SkuRule,
  now: number,
): { readonly status: 'not_started'; readonly opensAt: number } | { readonly status: 'ended' } | undefined {
  if (closesAt !== undefined && now >= closesAt) return { status: 'ended' }
  return opensAt !== undefined && now < opensAt ? { status: 'not_started', opensAt } : undefined
}

/** The longest time that a hold may ever have lasted. */
export function longestHoldOf({ maxHoldMs, longestHoldMs }: Rules): number {
  return longestHoldMs ?? maxHoldMs
}
