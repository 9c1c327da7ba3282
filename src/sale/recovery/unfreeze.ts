import type { CallOptions } from '../../batching/batcher-set.js'
import type { LogOffset } from '../../engine/port.js'
import type { SignalOption } from '../../validation.js'
import { changeAll, readAll } from '../fan-out.js'
import type { Parts } from '../partitions.js'
import { collectDebt } from '../rebalancing/stock-count.js'
import type { SaleClient } from '../sale-client.js'
import { restrict } from './restrict.js'

/** What other processes that have recovered the same sale tell. */
export interface Testimony {
  /** How far they have recovered the history of each partition. */
  readonly offsets: ReadonlyMap<number, readonly LogOffset[]>
  /** The latest generation that they have seen, and its partition has forgotten; 0: none. */
  readonly forgotten: number
}

/**
 * Ends a freeze. It can be repeated.
 *
 * @param others The freeze of a history without one of their points is not ended, and the history
 *   continues as a later generation than they have seen.
 * @throws {StockholdError} `ROLLBACK_DETECTED`, `STATE_LOST`: what was recovered is lost.
 */
export type Unfreeze = (others?: Testimony) => Promise<void>

/** The latest generation of each partition that a handle has seen; 0: none. */
export function latestGenerations({ partitions }: SaleClient): readonly number[] {
  return Array.from(
    { length: partitions.count },
    (_, index) => partitions.session(index).history.lastSeen?.generation ?? 0,
  )
}

/**
 * Has the history of the frozen partitions go on, once they are unfrozen, as a later generation
 * than this handle has seen.
 */
export async function advanceGenerations(client: SaleClient, parts: Parts, call: CallOptions): Promise<void> {
  const latest = latestGenerations(client)
  await changeAll(parts.count, async (index) => {
    const after = latest[index]!
    if (after <= parts.session(index).history.lastSeen!.generation) return
    await parts.ask(index, 'control', { action: 'advance', after }, call, () => {})
  })
}

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
    const latest = latestGenerations(client)
    await changeAll(parts.count, (index) => {
      const present = parts.session(index).history.lastSeen!
      const offsets = [recovered[index]!, present, ...(others?.offsets.get(index) ?? [])]
      const after = Math.max(latest[index]!, others?.forgotten ?? 0)
      const op = { action: 'unfreeze', recovered: offsets, after } as const
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
