import type { Answer, Op } from '../engine.js'
import type { Writer } from './msgpack.js'

/** What `create` sends, for `scripts/create.lua`. */
export function writeSales(ops: readonly Op<'create'>[], to: Writer): void {
  to.array(ops.length)
  for (const { token, rules } of ops) {
    to.array(8)
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
  }
}

const statusOf = { C: 'created', X: 'exists', N: 'conflict', T: 'retry' } as const

/** Reads `opened, now, statuses, tokens`. */
export function readOpened(reply: readonly unknown[]): Answer<'create'>[] {
  const tokens = reply[3] as readonly unknown[]
  return [...String(reply[2])].map((letter, i): Answer<'create'> => {
    const status = statusOf[letter as keyof typeof statusOf]
    if (!status) throw new RangeError(`create answered the unknown status ${letter}`)
    return status === 'retry' ? { status } : { status, token: String(tokens[i]) }
  })
}
