import type { CallOptions } from '../batching/batcher-set.js'
import type { FinalAnswer, Rules } from '../engine/engine.js'
import { isLost, isNotFound } from '../errors.js'
import { askAll, changeAll } from './fan-out.js'
import { newIncarnation, type Partitions } from './partitions.js'
import type { SaleRemoval } from './removal/sale-removal.js'

/**
 * Creates a sale, partition 0 first: its answer decides between concurrent creators; see `create`
 * in `engine/sale.ts`. A process that crashes on the way leaves partition 0 incomplete, and a
 * handle that sees this completes the sale: every step can be repeated.
 *
 * @returns The answer of partition 0. The caller reports a `conflict`.
 * @throws STATE_LOST: the sale has lost its partition 0.
 */
export async function createSale(
  partitions: Partitions,
  removal: SaleRemoval | undefined,
  rules: Rules,
  call: CallOptions,
): Promise<FinalAnswer<'create'>> {
  const count = rules.partitions
  partitions.count = count
  if (count > 1) await refuseWithoutFirst(partitions, removal, call)
  const op = { rules, incarnation: newIncarnation(), complete: count === 1 }
  const answer = await partitions.at(0).ask('create', op, call, (settled) => settled)
  if (answer.status === 'conflict') return answer
  partitions.incarnation = answer.incarnation
  if (!answer.complete) await completeSale(partitions, rules, call)
  return answer
}

/**
 * Creates the missing partitions of an incomplete sale. The handle knows the incarnation: a
 * partition of another incarnation is STATE_LOST.
 */
export async function completeSale(partitions: Partitions, rules: Rules, call: CallOptions): Promise<void> {
  const { parts, incarnation } = partitions
  const op = { rules, incarnation: incarnation!, complete: true }
  const make = (index: number) =>
    parts.ask(index, 'create', op, call, ({ status, incarnation: found }) => {
      if (status === 'conflict' || found !== incarnation)
        throw partitions.session(index).history.error('lost')
    })
  await changeAll(parts.count, (index) => (index === 0 ? Promise.resolve() : make(index)))
  await make(0)
}

/**
 * Throws if other partitions exist without partition 0: a sale is never created over the rest of a
 * lost one. The rest of one that was removed is erased: a creator that was late has made it.
 */
async function refuseWithoutFirst(
  partitions: Partitions,
  removal: SaleRemoval | undefined,
  call: CallOptions,
): Promise<void> {
  if (await exists(partitions, 0, call)) return
  const others = Array.from({ length: partitions.count - 1 }, (_, i) => i + 1)
  const { done, failures } = await askAll(others, (index) => exists(partitions, index, call))
  // Another process may have created the sale meanwhile: then partition 0 existed before any other.
  const found = others.filter((index) => done[index])
  if (found.length > 0 && !(await exists(partitions, 0, call))) {
    const { done: erased } = await askAll(found, (index) =>
      removal ? removal.eraseRemains(index, partitions.count, call) : Promise.resolve(false),
    )
    if (!found.every((index) => erased[index])) throw partitions.session(0).history.error('lost')
  }
  for (const error of failures.values()) throw error
}

async function exists({ parts }: Partitions, index: number, call: CallOptions): Promise<boolean> {
  try {
    return await parts.ask(index, 'describe', {}, call, () => true)
  } catch (error) {
    if (isNotFound(error)) return false
    if (isLost(error)) return true
    throw error
  }
}
