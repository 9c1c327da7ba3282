import type { Limits } from '../../batching/batcher-set.js'
import type { Cart, Op, Settled, Units } from '../../engine/engine.js'
import { partitionOf } from '../../engine/reservation-id.js'
import type { Lack, SoldOut, Supply } from './rebalancer.js'

/** Sends a command to one partition. */
export type AskAt = <C extends 'reserve' | 'confirm' | 'restock' | 'get'>(
  index: number,
  command: C,
  op: Op<C>,
) => Promise<Settled<C>>

/**
 * Asks at home again and again, while units are brought there in between, until the answer is not for want of them. Answers that, or that
 * there are too few anywhere.
 *
 * @param first The home's first answer.
 * @param lackOf What an answer is for want of; nothing if it stands as it is.
 */
async function search<A extends object>(
  supply: Supply,
  home: number,
  first: A,
  lackOf: (answer: A) => Lack | undefined,
  again: () => Promise<A>,
  limits: Limits,
): Promise<{ readonly answer: A } | { readonly soldOut: SoldOut }> {
  const since = supply.surveys
  let answer = first
  for (let round = 0; ; round++) {
    const lack = lackOf(answer)
    if (!lack) return { answer }
    const soldOut = await supply.seek(home, lack, since, round, limits)
    if (soldOut) return { soldOut }
    answer = await again()
  }
}

/**
 * A `reserve` that its home has answered, to the end.
 *
 * @param limited Whether the sale has limits.
 */
export async function searchToReserve(
  supply: Supply,
  ask: AskAt,
  op: Op<'reserve'>,
  first: Settled<'reserve'>,
  limited: boolean,
  limits: Limits,
): Promise<{ readonly answer: Settled<'reserve'> } | { readonly soldOut: SoldOut }> {
  const home = partitionOf(op.id)!
  const again = () => ask(home, 'reserve', op)
  const lackOf = (answer: Settled<'reserve'>) =>
    answer.status === 'sold_out' ? lackIn(op.cart, answer) : undefined
  const end = await search(supply, home, first, lackOf, again, limits)
  if ('answer' in end || (op.key === null && !limited)) return end
  // It may be this very key, asked elsewhere, or this buyer, who got the last unit meanwhile: that comes before `sold_out`.
  const last = await again()
  return last.status === 'sold_out' ? end : { answer: last }
}

/** A `confirm`, to the end: only a late one can lack units. */
export async function searchToConfirm(
  supply: Supply,
  ask: AskAt,
  op: Op<'confirm'>,
  limits: Limits,
): Promise<Settled<'confirm'>> {
  const home = partitionOf(op.id)!
  const tentative = { ...op, final: false }
  const first = await ask(home, 'confirm', tentative)
  if (first.status !== 'lacking') return first
  const found = await ask(home, 'get', { id: op.id })
  if (found.status !== 'found') return ask(home, 'confirm', { ...op, final: true })
  const { cart } = found.reservation
  const lackOf = (answer: Settled<'confirm'>) =>
    answer.status === 'lacking' ? lackIn(cart, answer) : undefined
  const end = await search(supply, home, first, lackOf, () => ask(home, 'confirm', tentative), limits)
  return 'answer' in end ? end.answer : ask(home, 'confirm', { ...op, final: true })
}

/** A `restock`, to the end: to take units out it gathers them first. */
export async function searchToRestock(
  supply: Supply,
  ask: AskAt,
  home: number,
  op: Op<'restock'>,
  limits: Limits,
): Promise<Settled<'restock'>> {
  const { sku, quantity } = op
  const tentative = { ...op, final: false }
  const first = await ask(home, 'restock', tentative)
  const wants: Units = [[sku, -quantity]]
  const lackOf = (answer: Settled<'restock'>) =>
    answer.status === 'lacking' ? { sku, available: answer.available, wants, partly: true } : undefined
  const end = await search(supply, home, first, lackOf, () => ask(home, 'restock', tentative), limits)
  return 'answer' in end ? end.answer : ask(home, 'restock', { ...op, final: true })
}

function lackIn(wants: Cart, { sku, available }: { readonly sku: number; readonly available: number }): Lack {
  return { sku, available, wants, partly: false }
}
