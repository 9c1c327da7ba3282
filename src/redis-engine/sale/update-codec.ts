import type { Answer, Op, Rules, SharedLimit, SkuRule } from '../../engine/engine.js'
import { limitOf, longestHoldOf, sharedLimitOf, type Whose } from '../../engine/rules.js'
import { splitStock } from '../../engine/stock-split.js'
import { RETRY } from '../define-port.js'
import type { Writer } from '../msgpack.js'
import { nextNumber, type SaleCodec, unknownStatus, writeRows } from './record-codec.js'

/** The values of rules that scripts decide by: all but holdMs, maxHoldMs and the times. */
export function writeSkus(rules: Rules, to: Writer, partition: number): void {
  const { skus, partitions, limits = [] } = rules
  to.array(skus.length)
  for (const [sku, { stock }] of skus.entries()) to.integer(splitStock(stock, sku, partition, partitions))
  to.array(skus.length)
  for (const { limit } of skus) to.integer(limit ?? -1)
  to.array(skus.length)
  for (const rule of skus) {
    if (!hasOwnRules(rule)) to.text('')
    else
      nested(to, () => {
        const { opensAt, closesAt, always } = rule
        const limits = [false, true].map((ever) => limitOf(rule, 'household', ever) ?? -1)
        for (const value of [opensAt ?? -1, closesAt ?? -1, always ? 1 : 0, ...limits]) to.integer(value)
      })
  }
  to.array(skus.length)
  for (const shared of sharedBySku(rules)) {
    if (shared.length === 0) to.text('')
    else
      nested(to, () => {
        for (const index of shared) to.integer(index)
      })
  }
  to.array(skus.length)
  for (const { returnsTo } of skus) to.integer(returnsTo ?? -1)
  if (limits.length === 0) to.text('')
  else nested(to, () => writeSharedLimits(limits, to))
}

/** Whether the row of a SKU has more than its limit of buyers. */
function hasOwnRules({ opensAt, closesAt, always, householdLimit, highestHouseholdLimit }: SkuRule): boolean {
  const values = [opensAt, closesAt, householdLimit, highestHouseholdLimit]
  return always === true || values.some((value) => value !== undefined)
}

/** The limits over several SKUs, as the field `shared` of META has them. */
function writeSharedLimits(limits: readonly SharedLimit[], to: Writer): void {
  to.array(limits.length)
  for (const limit of limits) {
    to.array(5)
    const writeLimits = (whose: Whose) => {
      for (const ever of [false, true]) to.integer(sharedLimitOf(limit, whose, ever) ?? -1)
    }
    writeLimits('buyer')
    nested(to, () => {
      to.array(limit.skus.length)
      for (const sku of limit.skus) to.integer(sku)
    })
    writeLimits('household')
  }
}

/** Of each SKU, the indices of the limits that it shares with others. */
function sharedBySku({ skus, limits = [] }: Rules): number[][] {
  const shared: number[][] = skus.map(() => [])
  for (const [index, limit] of limits.entries()) for (const sku of limit.skus) shared[sku]!.push(index)
  return shared
}

/** Writes values as one byte string. */
function nested(to: Writer, write: () => void): void {
  const start = to.open()
  write()
  to.close(start)
}

function writeHighestLimits({ skus }: Rules, to: Writer): void {
  const higher = [...skus.entries()].filter(([, { highestLimit }]) => highestLimit !== undefined)
  to.array(2 * higher.length)
  for (const [sku, { highestLimit }] of higher) {
    to.integer(sku)
    to.integer(highestLimit ?? -1)
  }
}

const statusOf: Record<string, 'updated' | 'unchanged' | 'outdated'> = {
  U: 'updated',
  P: 'unchanged',
  O: 'outdated',
}

export const updateCodec: SaleCodec<'update'> = {
  encode: (ops, to, partition) =>
    writeRows(ops, to, 17, ({ revision, after, everywhere, rules, changes }: Op<'update'>) => {
      to.integer(revision)
      to.integer(after ?? -1)
      to.integer(everywhere ? 1 : 0)
      to.text(JSON.stringify(rules))
      to.text(JSON.stringify(changes))
      to.integer(rules.opensAt ?? -1)
      to.integer(rules.closesAt ?? -1)
      to.integer(rules.holdMs)
      to.integer(rules.maxHoldMs)
      to.integer(longestHoldOf(rules))
      writeSkus(rules, to, partition)
      writeHighestLimits(rules, to)
    }),
  decode: (ops, from) =>
    ops.map((_, i): Answer<'update'> => {
      const letter = String.fromCharCode(from.statuses[i]!)
      if (letter === 'T') return RETRY
      const status = statusOf[letter]
      if (!status) throw unknownStatus('update', from.statuses[i])
      return { status, revision: nextNumber(from) }
    }),
}
