import type { Answer, Op, Units } from '../../engine/engine.js'
import { type PartitionState, retry, type Step } from './partition-state.js'

/** Whether the other partition has received units that this one does not know it sent. */
export function forgotSending(state: PartitionState, { to, received }: Op<'send'>): boolean {
  return state.sent.beyond(to, received).length > 0
}

export function send(state: PartitionState, op: Op<'send'>, { overdue }: Step): Answer<'send'> {
  const { to, wants } = op
  if (!state.stock.knows(wants)) return retry
  const available = (sku: number) => state.stock.of(sku).available
  // Not empty in a recovery only: otherwise the partition freezes.
  const forgotten = state.sent.beyond(to, op.received)
  if (overdue && (forgotten.length > 0 || wants.some(([sku]) => available(sku) > 0))) return retry
  for (const [sku, quantity] of forgotten) state.send(to, sku, quantity)
  for (const [sku, quantity] of wants) {
    const share = Math.max(quantity, Math.floor(available(sku) / 2))
    if (available(sku) > 0) state.send(to, sku, Math.min(available(sku), share))
  }
  return {
    status: 'sent',
    sent: state.sent.of(to, skusOf(wants, op.received)),
    left: wants.map(([sku]) => [sku, available(sku)]),
  }
}

export function receive(
  state: PartitionState,
  { from, sent }: Op<'receive'>,
  { overdue }: Step,
): Answer<'receive'> {
  if (!state.stock.knows(sent)) return retry
  const arriving = state.received.beyond(from, sent)
  if (overdue && arriving.length > 0) return retry
  for (const [sku, quantity] of arriving) state.receive(from, sku, quantity)
  return { status: 'received', received: state.received.of(from, skusOf(sent)) }
}

export function transfers(state: PartitionState): Answer<'transfers'> {
  return {
    status: 'transfers',
    sent: state.sent.all(),
    received: state.received.all(),
    departing: [...state.transfers.departing],
    hasArrived: state.transfers.arrived,
  }
}

function skusOf(...named: readonly Units[]): number[] {
  return named.flat().map(([sku]) => sku)
}
