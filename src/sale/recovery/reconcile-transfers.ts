import pLimit from 'p-limit'
import type { CallOptions } from '../../batching/batcher-set.js'
import type { FinalAnswer, Units } from '../../engine/engine.js'
import { CARRIED } from '../../engine/transfer-commands.js'
import { readAll } from '../fan-out.js'
import type { Parts } from '../partitions.js'
import { ahead } from '../rebalancing/clock-skew.js'
import { inCalls } from '../rebalancing/stock-transfer.js'

const tuning = {
  /** How many transfers are reconciled at a time. */
  atOnce: 64,
}

/**
 * If a target has received units that its source has no record of sending, the source sends them
 * now. If a source has sent units that its target has not received, the target receives them now.
 * Partitions that are not frozen sell meanwhile. This is safe, since the partition that executes a
 * step decides it.
 */
export async function reconcileTransfers(parts: Parts, call: () => CallOptions): Promise<void> {
  const rows = await readAll(parts.count, (index) =>
    parts.ask(index, 'transfers', {}, call(), (answer) => answer),
  )
  const limit = pLimit(tuning.atOnce)
  const forgotten = rows.flatMap(({ received }, target) =>
    received.flatMap(([from, units]) => {
      const { partition: source, carried } = placeOf(from)
      return inCalls(ahead(units, unitsOf(rows[source]!.sent, target + carried))).map((some) => ({
        source,
        op: { to: target + carried, wants: [], received: some },
      }))
    }),
  )
  await limit.map(forgotten, ({ source, op }) => parts.ask(source, 'send', op, call(), () => {}))
  const late = rows.flatMap(({ sent, departing: leaving }, source) =>
    sent.flatMap(([to, units]) => {
      const { partition: target, carried } = placeOf(to)
      // Partitions that are not frozen go on transferring reservations to each other.
      if (carried > 0 && leaving.length > 0) return []
      return inCalls(ahead(units, unitsOf(rows[target]!.received, source + carried))).map((some) => ({
        target,
        op: { from: source + carried, sent: some },
      }))
    }),
  )
  await limit.map(late, ({ target, op }) => parts.ask(target, 'receive', op, call(), () => {}))
}

/** The partition of an index in `sent` or `received`, and what is added to it for reservations. */
function placeOf(index: number): { readonly partition: number; readonly carried: number } {
  return { partition: index % CARRIED, carried: index - (index % CARRIED) }
}

function unitsOf(rows: FinalAnswer<'transfers'>['sent'], partition: number): Units {
  return rows.find(([other]) => other === partition)?.[1] ?? []
}
