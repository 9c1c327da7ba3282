import type { Answer, Op } from '../engine.js'
import type { Writer } from './msgpack.js'

/** What `create` and `rebuild` send, for the scripts of that name. */
export function writeSales(ops: readonly (Op<'create'> & { readonly line?: number })[], to: Writer): void {
  to.array(ops.length)
  for (const { token, rules, line } of ops) {
    to.array(line === undefined ? 8 : 9)
    to.text(token)
    to.text(JSON.stringify(rules))
    to.integer(rules.opensAt ?? -1)
    to.integer(rules.closesAt ?? -1)
    to.integer(rules.holdMs)
    to.integer(rules.maxHoldMs)
    to.array(rules.skus.length)
    for (const { stock } of rules.skus) to.integer(stock)
    to.array(rules.skus.length)
    for (const { limit } of rules.skus) to.integer(limit ?? -1)
    if (line !== undefined) to.integer(line)
  }
}

const statusOf = {
  create: { C: 'created', X: 'exists', N: 'conflict', T: 'retry' },
  rebuild: { R: 'rebuilt', X: 'exists', T: 'retry' },
} as const

/** Reads `opened, now, statuses, tokens`. */
export function readOpened<C extends 'create' | 'rebuild'>(
  command: C,
  reply: readonly unknown[],
): Answer<C>[] {
  const tokens = reply[3] as readonly unknown[]
  const statuses: Readonly<Record<string, string>> = statusOf[command]
  return [...String(reply[2])].map((letter, i): Answer<C> => {
    const status = statuses[letter]
    if (!status) throw new RangeError(`${command} answered the unknown status ${letter}`)
    return (status === 'retry' ? { status } : { status, token: String(tokens[i]) }) as Answer<C>
  })
}
