import type { Answer, Op } from '../../engine/engine.js'
import { splitStock } from '../../engine/stock-split.js'
import type { Writer } from '../msgpack.js'

/** What `create` and `rebuild` send, for the scripts of that name. */
export function writeSales(
  partition: number,
  ops: readonly (Op<'create'> | Op<'rebuild'>)[],
  to: Writer,
): void {
  to.array(ops.length)
  for (const op of ops) {
    const { incarnation, rules } = op
    to.array(9)
    to.text(incarnation)
    to.text(JSON.stringify(rules))
    to.integer(rules.opensAt ?? -1)
    to.integer(rules.closesAt ?? -1)
    to.integer(rules.holdMs)
    to.integer(rules.maxHoldMs)
    to.array(rules.skus.length)
    for (const [sku, { stock }] of rules.skus.entries())
      to.integer(splitStock(stock, sku, partition, rules.partitions))
    to.array(rules.skus.length)
    for (const { limit } of rules.skus) to.integer(limit ?? -1)
    to.integer('generation' in op ? op.generation : op.complete ? 1 : 0)
  }
}

const statusOf = {
  create: { C: 'created', X: 'exists', N: 'conflict', T: 'retry' },
  rebuild: { R: 'rebuilt', X: 'exists', T: 'retry' },
} as const

/** Reads `opened, now, ahead, statuses, incarnations`, and of `create` `completes`. */
export function readOpened<C extends 'create' | 'rebuild'>(
  command: C,
  reply: readonly unknown[],
): Answer<C>[] {
  const incarnations = reply[4] as readonly unknown[]
  const completes = reply[5] as readonly unknown[] | undefined
  const statuses: Readonly<Record<string, string>> = statusOf[command]
  return [...String(reply[3])].map((letter, i): Answer<C> => {
    const status = statuses[letter]
    if (!status) throw new RangeError(`${command} answered the unknown status ${letter}`)
    if (status === 'retry') return { status } as Answer<C>
    const incarnation = String(incarnations[i])
    return (
      completes ? { status, incarnation, complete: completes[i] === 1 } : { status, incarnation }
    ) as Answer<C>
  })
}
