import type { CallOptions } from '../../batching/batcher-set.js'
import { addUnits } from '../../engine/carts.js'
import type { Cart, FinalAnswer, Line, Op, Rules, SkuRule, Units } from '../../engine/engine.js'
import { partitionOf } from '../../engine/reservation-id.js'
import type { Rebalancer, Shortage, SoldOut } from './rebalancer.js'

const tuning = {
  /** How often a command that takes what there is looks for units in transit. */
  attempts: 3,
}

interface RulesInForce {
  readonly rules: Pick<Rules, 'skus'>
}

/** Sends a command to one partition. */
export type AskAt = <C extends 'reserve' | 'amend' | 'confirm' | 'restock' | 'move' | 'get' | 'stats'>(
  index: number,
  command: C,
  op: Op<C>,
) => Promise<FinalAnswer<C>>

/**
 * Asks the target repeatedly, and moves units there in between, until the answer no longer reports
 * a shortage. Returns that answer, or that all partitions together have too few units.
 *
 * @param first The target's first answer.
 * @param shortageIn The shortage that an answer reports; `undefined` if the answer is final.
 */
async function askWithRebalancing<A extends object>(
  rebalancer: Rebalancer,
  target: number,
  first: A,
  shortageIn: (answer: A) => Shortage | undefined,
  again: () => Promise<A>,
  limits: CallOptions,
): Promise<{ readonly answer: A } | { readonly soldOut: SoldOut }> {
  const since = rebalancer.snapshotCount
  let answer = first
  for (let round = 0; ; round++) {
    const shortage = shortageIn(answer)
    if (!shortage) return { answer }
    const soldOut = await rebalancer.acquire(target, shortage, since, round, limits)
    if (soldOut) return { soldOut }
    answer = await again()
  }
}

/**
 * Completes a `reserve` that its target has answered.
 *
 * @param limited Whether the sale has limits.
 */
export async function reserveWithRebalancing(
  rebalancer: Rebalancer,
  ask: AskAt,
  op: Op<'reserve'>,
  first: FinalAnswer<'reserve'>,
  limited: boolean,
  limits: CallOptions,
): Promise<{ readonly answer: FinalAnswer<'reserve'> } | { readonly soldOut: SoldOut }> {
  const target = partitionOf(op.id)!
  const again = () => ask(target, 'reserve', op)
  const shortageIn = (answer: FinalAnswer<'reserve'>) =>
    answer.status === 'sold_out' ? shortageOf(op.cart, answer) : undefined
  const end = await askWithRebalancing(rebalancer, target, first, shortageIn, again, limits)
  if ('answer' in end || (op.key === null && !limited)) return end
  // Another request with the same key, or of the same buyer, may have got the last unit meanwhile.
  // Its answer takes precedence over `sold_out`.
  const last = await again()
  return last.status === 'sold_out' ? end : { answer: last }
}

/** Completes an `amend` that its target has answered. */
export async function amendWithRebalancing(
  rebalancer: Rebalancer,
  ask: AskAt,
  op: Op<'amend'>,
  first: FinalAnswer<'amend'>,
  limits: CallOptions,
): Promise<{ readonly answer: FinalAnswer<'amend'> } | { readonly soldOut: SoldOut }> {
  const target = partitionOf(op.id)!
  const again = () => ask(target, 'amend', op)
  const shortageIn = (answer: FinalAnswer<'amend'>) =>
    answer.status === 'sold_out' ? shortageOf(answer.wants, answer) : undefined
  const end = await askWithRebalancing(rebalancer, target, first, shortageIn, again, limits)
  if ('answer' in end) return end
  // Another call may have changed or ended the hold meanwhile. Its answer takes precedence over
  // `sold_out`.
  const last = await again()
  return last.status === 'sold_out' ? end : { answer: last }
}

/**
 * Completes a `confirm`: only a late one can lack units. What the cart's own SKUs lack everywhere
 * is taken from those that they return to.
 *
 * @param rules The rules in force: asked when replies may have told that there are newer ones.
 */
export async function confirmWithRebalancing(
  rebalancer: Rebalancer,
  ask: AskAt,
  op: Op<'confirm'>,
  rules: () => Promise<RulesInForce> | RulesInForce,
  limits: CallOptions,
): Promise<FinalAnswer<'confirm'>> {
  const target = partitionOf(op.id)!
  const tentative = { ...op, final: false }
  const first = await ask(target, 'confirm', tentative)
  if (first.status !== 'lacking') return first
  const found = await ask(target, 'get', { id: op.id })
  if (found.status !== 'found') return ask(target, 'confirm', { ...op, final: true })
  const { cart } = found.reservation
  const shortageIn = (answer: FinalAnswer<'confirm'>) =>
    answer.status === 'lacking' ? shortageOf(cart, answer) : undefined
  const again = () => ask(target, 'confirm', tentative)
  const end = await askWithRebalancing(rebalancer, target, first, shortageIn, again, limits)
  if ('answer' in end) return end.answer
  const returns = returnsOf(cart, (await rules()).rules.skus)
  if (returns.length > 0) {
    for (const line of addUnits(cart, returns)) await gather(rebalancer, ask, target, line, limits)
    // A `move` may have brought units back since they were looked for.
    const last = await askWithRebalancing(rebalancer, target, await again(), shortageIn, again, limits)
    if ('answer' in last) return last.answer
  }
  return ask(target, 'confirm', { ...op, final: true })
}

/** What the SKUs that a cart's own return to may give in their place. */
function returnsOf(cart: Cart, skus: readonly SkuRule[]): Cart {
  return cart.flatMap(([sku, quantity]): Line[] => {
    const to = skus[sku]?.returnsTo
    return to === undefined ? [] : [[to, quantity]]
  })
}

/** Brings units of a SKU to the target, as many as there are. */
async function gather(
  rebalancer: Rebalancer,
  ask: AskAt,
  target: number,
  line: Line,
  limits: CallOptions,
): Promise<void> {
  const [sku, quantity] = line
  const again = () => ask(target, 'stats', { skus: [sku] })
  const shortageIn = ({ skus: [counts] }: FinalAnswer<'stats'>) =>
    counts!.available < quantity
      ? { sku, available: counts!.available, wants: [line], partly: true }
      : undefined
  await askWithRebalancing(rebalancer, target, await again(), shortageIn, again, limits)
}

/** Completes a `restock`: to remove units, it first gathers them at the target. */
export function restockWithRebalancing(
  rebalancer: Rebalancer,
  ask: AskAt,
  target: number,
  op: Op<'restock'>,
  limits: CallOptions,
): Promise<FinalAnswer<'restock'>> {
  return takeWithRebalancing(rebalancer, ask, target, 'restock', op, [op.sku, -op.quantity], limits)
}

/** Completes a `move` between SKUs: it first gathers the units at the target. */
export function moveWithRebalancing(
  rebalancer: Rebalancer,
  ask: AskAt,
  target: number,
  op: Op<'move'>,
  limits: CallOptions,
): Promise<FinalAnswer<'move'>> {
  return takeWithRebalancing(rebalancer, ask, target, 'move', op, [op.from, op.quantity], limits)
}

/** @param line What the command takes from the available units, or less if there are no more. */
async function takeWithRebalancing<C extends 'restock' | 'move'>(
  rebalancer: Rebalancer,
  ask: AskAt,
  target: number,
  command: C,
  op: Op<C>,
  line: Line,
  limits: CallOptions,
): Promise<FinalAnswer<C>> {
  const tentative = { ...op, final: false }
  const again = () => ask(target, command, tentative)
  const shortageIn = (answer: FinalAnswer<C>) =>
    answer.status === 'lacking'
      ? { sku: line[0], available: answer.available, wants: [line], partly: true }
      : undefined
  for (let attempt = 1; ; attempt++) {
    const end = await askWithRebalancing(rebalancer, target, await again(), shortageIn, again, limits)
    if ('answer' in end) return end.answer
    // Units on their way to pay a debt may be more than it: they count as available.
    const isThere = end.soldOut.unsold === 0 || attempt === tuning.attempts
    if (isThere || !(await rebalancer.completeTransfers())) break
  }
  return ask(target, command, { ...op, final: true })
}

function shortageOf(
  wants: Units,
  { sku, available }: { readonly sku: number; readonly available: number },
): Shortage {
  return { sku, available, wants, partly: false }
}
