import type { CallOptions } from '../batching/batcher-set.js'
import type { FinalAnswer, Op, RecordedReason } from '../engine/engine.js'
import { partitionIn } from '../engine/reservation-id.js'
import { follow } from './complete-transfer.js'
import type { Parts } from './partitions.js'

type Answer = FinalAnswer<'confirm'>

/** What a payment was told before a transfer, and under which id. */
interface Told {
  readonly id: string
  readonly reason: RecordedReason
}

/**
 * A payment of a reservation that was transferred. If it was told `refund_due` under an earlier id,
 * it is told so for ever, under each id.
 *
 * @param first The answer to `op`.
 */
export async function followPayment(
  parts: Parts,
  op: Op<'confirm'>,
  first: Answer,
  pay: (op: Op<'confirm'>) => Promise<Answer>,
  call: CallOptions,
) {
  let told: Told | undefined
  const get = (id: string) => parts.ask(partitionIn(id), 'get', { id }, call, (answer) => answer)
  const settle = async (id: string, answer: Answer): Promise<FinalAnswer<'confirm' | 'get'>> => {
    if (answer.status === 'moved' && answer.told) told = { id, reason: answer.told }
    if (answer.status !== 'earlier') return answer
    told = await toldEarlier(answer.id, (one) => pay({ ...op, id: one }))
    return told ? get(id) : pay({ ...op, id, told: 'duplicate_payment' })
  }
  const again = async (id: string) => (told ? get(id) : settle(id, await pay({ ...op, id })))
  const end = await follow(parts, op.id, await settle(op.id, first), again, call)
  if (!told || end.answer.status !== 'found') return end
  const { reservation } = end.answer
  if (op.buyer !== null && op.buyer !== reservation.buyer)
    return { id: end.id, answer: { status: 'not_found' } as const }
  const answer = { status: 'refund_due', reservation, reason: told.reason, toldUnder: told.id } as const
  return { id: end.id, answer }
}

/** Asks the earlier records of a reservation, the latest first, for a payment. */
async function toldEarlier(id: string, pay: (id: string) => Promise<Answer>): Promise<Told | undefined> {
  for (let one: string | undefined = id; one !== undefined; ) {
    const answer: Answer = await pay(one)
    // A recovery may have accepted its loss.
    if (answer.status !== 'moved') return undefined
    if (answer.told) return { id: one, reason: answer.told }
    one = answer.earlier
  }
  return undefined
}
