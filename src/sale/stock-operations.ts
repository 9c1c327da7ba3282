import type { SignalOption } from '../validation.js'
import { STOCK_PARTITION } from './partitions.js'
import { setTotalOfAll } from './rebalancing/stock-count.js'
import { moveWithRebalancing } from './rebalancing/with-rebalancing.js'
import { conflict } from './reserve.js'
import type { MoveResult, SetTotalResult } from './results.js'
import type { SaleContext } from './sale-context.js'

/** See `setTotal` of `FlashSale`. */
export async function setTotal(
  { client, saleWide, acknowledged, ledgerBarrier, soldOut, reservations }: SaleContext,
  {
    sku,
    total,
    key,
    countedAt,
  }: {
    readonly sku: string
    readonly total: number
    readonly key: string
    readonly countedAt: number | null
  },
  options: SignalOption | undefined,
): Promise<SetTotalResult> {
  const call = client.call(options)
  const book = await client.learnAbout([{ sku }], call)
  const op = { sku: book.place(sku, 'sku'), total, key, countedAt, counted: null }
  await ledgerBarrier?.ready(call)
  const deliver = () => saleWide.deliver(call)
  const answer = client.rebalancer
    ? await client.fanOut((parts) =>
        setTotalOfAll(parts, { ...op, basis: null, final: false }, deliver, call),
      )
    : await client.partitions
        .at(STOCK_PARTITION)
        .ask('setTotal', { ...op, basis: { others: 0, own: null }, final: true }, call, (settled) => settled)
  if (answer.status === 'conflict') throw conflict()
  if (answer.status === 'uncounted') throw new Error('unreachable')
  if (answer.status === 'superseded')
    return { status: 'superseded', sku, applied: 0, owed: answer.owed, replayed: false }
  const { change, applied, owed, replayed } = answer
  const counted = { change, applied, owed, countedAt: answer.countedAt }
  acknowledged.noteCount({ ...op, basis: null, final: true, counted })
  soldOut.forget()
  return reservations.acknowledge({ status: 'set', sku, applied, owed, replayed }, STOCK_PARTITION, call)
}

/** See `move` of `FlashSale`. */
export async function moveUnits(
  { client, acknowledged, ledgerBarrier, soldOut, reservations }: SaleContext,
  move: { readonly from: string; readonly to: string; readonly quantity: number; readonly key: string },
  options: SignalOption | undefined,
): Promise<MoveResult> {
  const { quantity, key } = move
  const call = client.call(options)
  const book = await client.learnAbout([{ sku: move.from }, { sku: move.to }], call)
  const [from, to] = [book.place(move.from, 'from'), book.place(move.to, 'to')]
  const op = { from, to, quantity, key, final: true, atMost: null }
  await ledgerBarrier?.ready(call)
  const answer = client.rebalancer
    ? await client.withRebalancing(call, (rebalancer, ask) =>
        moveWithRebalancing(rebalancer, ask, STOCK_PARTITION, op, call),
      )
    : await client.partitions.at(STOCK_PARTITION).ask('move', op, call, (settled) => settled)
  if (answer.status === 'conflict') throw conflict()
  if (answer.status === 'lacking') throw new Error('unreachable')
  acknowledged.noteMove({ ...op, atMost: answer.applied })
  soldOut.forget()
  const { applied, replayed } = answer
  return reservations.acknowledge({ status: 'moved', applied, replayed }, STOCK_PARTITION, call)
}
