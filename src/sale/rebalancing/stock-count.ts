import type { CallOptions } from '../../batching/batcher-set.js'
import type { FinalAnswer, Op } from '../../engine/engine.js'
import { isAway, StockholdError } from '../../errors.js'
import { askAll, changeAll, failureOf } from '../fan-out.js'
import type { Parts } from '../partitions.js'

/**
 * Sets a total in a sale of several partitions; see `setTotal` and `withhold` of the engine. Every
 * step can be repeated. A process that crashes on the way leaves the count incomplete: the same key
 * completes it, and so does every process that finds units owed while others are available.
 *
 * @param op The first request: without a basis, and not final.
 * @param deliver Delivers all units that are in transit between any two partitions.
 */
export async function setTotalOfAll(
  parts: Parts,
  op: Op<'setTotal'>,
  deliver: () => Promise<void>,
  call: CallOptions,
): Promise<FinalAnswer<'setTotal'>> {
  const ask = (more: Partial<Op<'setTotal'>>) =>
    parts.ask(0, 'setTotal', { ...op, ...more }, call, (answer) => answer)
  let first = await ask({})
  while (first.status === 'uncounted') {
    const { own, owed } = first
    if (owed > 0) await collectDebt(parts, op.sku, call)
    first = await ask({ basis: { own, others: await totalOfOthers(parts, op.sku, call) } })
  }
  // What another count owes is known once the units elsewhere are collected.
  if (first.status === 'superseded' && first.owed > 0) {
    await collectWholeDebt(parts, op.sku, deliver, call)
    return ask({})
  }
  if (first.status !== 'set' || first.complete) return first
  try {
    await collectWholeDebt(parts, op.sku, deliver, call)
    const last = await ask({ final: true })
    return last.status === 'set' ? { ...last, replayed: first.replayed } : last
  } catch (error) {
    throw isAway(error) ? incomplete(error) : error
  }
}

function incomplete(cause: unknown): StockholdError {
  const message =
    'The total was set, and not all partitions have given up their units. Call again with the same key to complete.'
  return new StockholdError('UNKNOWN_OUTCOME', message, { cause })
}

/** The sum of `total` over all partitions but the first, as it was at one moment. */
async function totalOfOthers(parts: Parts, sku: number, call: CallOptions): Promise<number> {
  const read = async () => {
    const { done, failures } = await askAll(othersOf(parts), (index) =>
      parts.ask(index, 'stats', { skus: [sku] }, call, ({ skus }) => skus[0]!.total),
    )
    if (failures.size > 0) throw failureOf(failures, parts.count)
    return done as number[]
  }
  for (let before = await read(); ; ) {
    const now = await read()
    if (now.every((total, index) => total === before[index]))
      return now.reduce((sum, total) => sum + total, 0)
    before = now
  }
}

/**
 * Afterwards only units that are held or confirmed are owed. Once all partitions withhold units,
 * none leaves for another but partition 0; those that had left before are delivered first.
 */
async function collectWholeDebt(
  parts: Parts,
  sku: number,
  deliver: () => Promise<void>,
  call: CallOptions,
): Promise<void> {
  await collectDebt(parts, sku, call)
  const { owed } = await debtOf(parts, sku, call)
  if (owed === 0) return
  await deliver()
  await collectDebt(parts, sku, call)
}

/**
 * Collects what partition 0 owes of a SKU from all others, and makes them pass on what comes back.
 * Delivers all units on their way from and to partition 0, also if it owes none.
 */
export async function collectDebt(parts: Parts, sku: number, call: CallOptions): Promise<void> {
  const { owed, sent } = await debtOf(parts, sku, call)
  const received = new Map(sent)
  const passedOn = await changeAll(parts.count, async (index) => {
    if (index === 0) return 0
    const op = { sku, units: owed, received: received.get(index) ?? 0 }
    return parts.ask(index, 'withhold', op, call, (answer) => answer.sent)
  })
  await Promise.all(
    passedOn.map((units, from) =>
      units === 0 ? undefined : parts.ask(0, 'receive', { from, sent: [[sku, units]] }, call, () => {}),
    ),
  )
}

function debtOf(parts: Parts, sku: number, call: CallOptions): Promise<FinalAnswer<'debt'>> {
  return parts.ask(0, 'debt', { sku, partitions: parts.count }, call, (answer) => answer)
}

function othersOf({ count }: Parts): number[] {
  return Array.from({ length: count - 1 }, (_, i) => i + 1)
}
