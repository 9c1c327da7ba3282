import type { Limits } from '../batching/batcher-set.js'
import type { Rules, Settled } from '../engine/engine.js'
import { StockholdError } from '../errors.js'
import { askEvery, changeEvery } from './fan-out.js'
import { newToken, type Partitions } from './partitions.js'

/**
 * Makes a sale from its partition 0 on, whose answer decides for all who try at the same time; see `create` in `engine.ts`. Whoever is killed on the
 * way has left partition 0 incomplete, and whoever sees that goes on where it stands: every step can be repeated.
 *
 * @returns What partition 0 answered. A `conflict` is for the caller to tell.
 * @throws STATE_LOST: the sale has lost its partition 0.
 */
export async function makeSale(
  partitions: Partitions,
  rules: Rules,
  call: Limits,
): Promise<Settled<'create'>> {
  const count = rules.partitions
  partitions.count = count
  if (count > 1) await refuseWithoutFirst(partitions, call)
  const op = { rules, token: newToken(), complete: count === 1 }
  const answer = await partitions.ask(0, 'create', op, call, (settled) => settled)
  if (answer.status === 'conflict') return answer
  partitions.token = answer.token
  if (!answer.complete) await completeSale(partitions, rules, call)
  return answer
}

/** Makes all that may be missing of a sale that is not complete. The handle knows its token: a partition of another is STATE_LOST. */
export async function completeSale(partitions: Partitions, rules: Rules, call: Limits): Promise<void> {
  const { parts, token } = partitions
  const op = { rules, token: token!, complete: true }
  const make = (index: number) =>
    parts.ask(index, 'create', op, call, ({ status, token: found }) => {
      if (status === 'conflict' || found !== token) throw partitions.session(index).gone('lost')
    })
  await changeEvery(parts.count, (index) => (index === 0 ? Promise.resolve() : make(index)))
  await make(0)
}

/** A sale is never begun afresh over what is left of a lost one. */
async function refuseWithoutFirst(partitions: Partitions, call: Limits): Promise<void> {
  if (await exists(partitions, 0, call)) return
  const others = Array.from({ length: partitions.count - 1 }, (_, i) => i + 1)
  const { done, failures } = await askEvery(others, (index) => exists(partitions, index, call))
  // Somebody may have made it since: then partition 0 was there before any other.
  if (done.some((found) => found === true) && !(await exists(partitions, 0, call)))
    throw partitions.session(0).gone('lost')
  for (const error of failures.values()) throw error
}

async function exists({ parts }: Partitions, index: number, call: Limits): Promise<boolean> {
  try {
    return await parts.ask(index, 'describe', {}, call, () => true)
  } catch (error) {
    const code = error instanceof StockholdError ? error.code : undefined
    if (code === 'NOT_FOUND') return false
    if (code === 'STATE_LOST' || code === 'ROLLBACK_DETECTED') return true
    throw error
  }
}
