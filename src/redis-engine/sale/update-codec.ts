import type { Answer, Op, Rules } from '../../engine/engine.js'
import { longestHoldOf } from '../../engine/rules.js'
import { splitStock } from '../../engine/stock-split.js'
import { RETRY } from '../define-port.js'
import type { Writer } from '../msgpack.js'
import { nextNumber, type SaleCodec, unknownStatus, writeRows } from './record-codec.js'

/** The values of rules that scripts decide by: all but holdMs, maxHoldMs and the times. */
export function writeSkus({ skus, partitions }: Rules, to: Writer, partition: number): void {
  to.array(skus.length)
  for (const [sku, { stock }] of skus.entries()) to.integer(splitStock(stock, sku, partition, partitions))
  to.array(skus.length)
  for (const { limit } of skus) to.integer(limit ?? -1)
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
    writeRows(ops, to, 13, ({ revision, after, everywhere, rules, changes }: Op<'update'>) => {
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
