import type { CallOptions } from '../batching/batcher-set.js'
import type { FinalAnswer, Op } from '../engine/engine.js'
import { partitionIn, partitionOf } from '../engine/reservation-id.js'
import { checkId, type SignalOption } from '../validation.js'
import { admit } from './admission-gate.js'
import type { checkAmendOptions } from './command-options.js'
import { follow } from './complete-transfer.js'
import type { SoldOut } from './rebalancing/rebalancer.js'
import { amendWithRebalancing } from './rebalancing/with-rebalancing.js'
import { soldOutEverywhere } from './reserve.js'
import type { SaleRulesIndex } from './reserve-request.js'
import type { AmendResult } from './results.js'
import type { SaleContext } from './sale-context.js'

/** Changes the cart of a hold. See `amend` of `FlashSale`. */
export async function amend(
  context: SaleContext,
  reservationId: string,
  asked: ReturnType<typeof checkAmendOptions>,
  options: SignalOption,
): Promise<AmendResult> {
  const id = checkId(reservationId, 'reservationId')
  const { client, gate, ledgerBarrier } = context
  const call = client.call(options)
  const rulesIndex = await client.learnAbout(asked.items, call)
  const cart = rulesIndex.cart(asked.items)
  const partition = partitionOf(id)
  if (partition === undefined || partition >= rulesIndex.rules.partitions) return { status: 'not_found' }
  await ledgerBarrier?.ready(call)
  const op = { id, buyer: asked.buyer, cart, mayTake: gate === undefined, count: null }
  const end = await change(context, op, call)
  if (!gate || !('answer' in end) || end.answer.status !== 'takes')
    return told(context, end, rulesIndex, id, call)

  const { buyer } = end.answer.reservation
  const admission = await admit(gate, { pass: asked.pass, buyer }, call)
  if ('status' in admission) return admission
  const admitted = await change(context, { ...op, mayTake: true }, call)
  const result = await told(context, admitted, rulesIndex, id, call)
  // As in `reserve`: this visitor had a try.
  if (result.status === 'amended' || result.status === 'sold_out' || result.status === 'limit_exceeded')
    admission.spend()
  return result
}

type End = { readonly answer: FinalAnswer<'amend'> } | { readonly soldOut: SoldOut }

/** Asks the hold's partition, and brings units there that it lacks. */
async function change({ client }: SaleContext, asked: Op<'amend'>, call: CallOptions): Promise<End> {
  let op = asked
  const ask = () => client.partitions.at(partitionIn(op.id)).ask('amend', op, call, (answer) => answer)
  const again = (id: string) => {
    op = { ...op, id }
    return ask()
  }
  for (;;) {
    const { id } = op
    let first = await ask()
    if (first.status === 'moved') {
      const start = first
      first = (await client.resume((parts) => follow(parts, id, start, again, call))).answer
    }
    const lacking = first
    if (lacking.status !== 'sold_out' || !client.rebalancer) return { answer: lacking }
    const end = await client.resumeCall(call, (rebalancer, ask) =>
      amendWithRebalancing(rebalancer, ask, op, lacking, call),
    )
    // Otherwise it was transferred while the units were collected.
    if (!('answer' in end) || end.answer.status !== 'moved') return end
  }
}

async function told(
  { client, soldOut, reservations }: SaleContext,
  end: End,
  rulesIndex: SaleRulesIndex,
  id: string,
  call: CallOptions,
): Promise<AmendResult> {
  if (!('answer' in end)) return rulesIndex.soldOut(await soldOutEverywhere(client, end.soldOut, call))
  const { answer } = end
  // The hold may have another id now.
  const partition = partitionIn('reservation' in answer ? answer.reservation.id : id)
  switch (answer.status) {
    case 'takes':
    case 'moved':
      // `takes` is for calls that may take nothing only, and `change` follows a hold that moved.
      throw new Error('unreachable')
    case 'sold_out':
      return rulesIndex.soldOut(answer)
    case 'ended':
    case 'not_started':
      return rulesIndex.closed(answer)
    case 'limit_exceeded':
      return rulesIndex.limitExceeded(answer)
    case 'amended':
      soldOut.forget()
      client.watch(partition, answer.reservation.expiresAt)
  }
  const isNamed = !('reservation' in answer) || rulesIndex.names(answer.reservation.cart)
  const present = isNamed ? rulesIndex : await client.refresh(call)
  const result: AmendResult = reservations.publish(answer, present)
  return reservations.acknowledge(result, partition, call)
}
