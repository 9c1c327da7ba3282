import type { CallOptions } from '../../batching/batcher-set.js'
import type { LogOffset } from '../../engine/port.js'
import type { SignalOption } from '../../validation.js'
import { changeAll, readAll } from '../fan-out.js'
import type { Parts } from '../partitions.js'
import { collectDebt } from '../rebalancing/stock-count.js'
import type { SaleClient } from '../sale-client.js'
import { restrict } from './restrict.js'

/**
 * Ends a freeze. It can be repeated.
 *
 * @param others How far others have recovered the history of each partition, if that is known: the
 *   freeze of a history without one of these points is not ended.
 * @throws {StockholdError} `ROLLBACK_DETECTED`, `STATE_LOST`: what was recovered is lost.
 */
export type Unfreeze = (others?: ReadonlyMap<number, readonly LogOffset[]>) => Promise<void>

/** How far the history of each partition has come; asks those that have not answered yet. */
export function seenOffsets(parts: Parts, call: () => CallOptions): Promise<readonly LogOffset[]> {
  return readAll(parts.count, async (index) => {
    const session = parts.session(index)
    if (!session.history.lastSeen) await parts.ask(index, 'stats', {}, call(), () => {})
    return session.history.lastSeen!
  })
}

/**
 * Ends the freeze of the history up to these offsets, and of no other: the sale may have been
 * resumed, and lost, since. Then it notes the latest offsets in this handle: if state is lost again
 * before its next call, a rebuild must not reuse the same generation.
 *
 * @param paused All partitions are paused before. A history that has lost the pause since is not
 *   unfrozen.
 */
export function unfreezing(
  client: SaleClient,
  parts: Parts,
  recovered: readonly LogOffset[],
  paused: boolean,
  options: SignalOption | undefined,
): Unfreeze {
  const call = () => client.call(options)
  return async (others) => {
    await collectDebts(parts, call)
    const limits = call()
    await restrict(parts, paused, limits)
    await changeAll(parts.count, (index) => {
      const present = parts.session(index).history.lastSeen!
      const offsets = [recovered[index]!, present, ...(others?.get(index) ?? [])]
      const op = { action: 'unfreeze', recovered: offsets } as const
      return parts.ask(index, 'control', op, limits, ({ status }) => {
        if (status === 'frozen') throw parts.session(index).history.error('rolled_back')
      })
    })
    for (let index = 0; index < parts.count; index++) {
      const { lastSeen } = parts.session(index).history
      if (lastSeen) client.partitions.session(index).history.advanceTo(lastSeen)
    }
  }
}

/** Partitions may have forgotten that they pass units on to partition 0, which owes them. */
async function collectDebts(parts: Parts, call: () => CallOptions): Promise<void> {
  if (parts.count === 1) return
  const skus = await parts.ask(0, 'stats', {}, call(), (answer) => answer.skus)
  for (const [sku, { owed }] of skus.entries()) if (owed !== undefined) await collectDebt(parts, sku, call())
}
