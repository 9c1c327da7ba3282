import type { CallOptions } from '../batching/batcher-set.js'
import type { FinalAnswer, StoredReservation } from '../engine/engine.js'
import { partitionIn, partitionOf } from '../engine/reservation-id.js'
import { checkId, type SignalOption } from '../validation.js'
import type { checkTransferOptions } from './command-options.js'
import { completeDeparture, whereNow } from './complete-transfer.js'
import { bindHousehold } from './household.js'
import { mintId, type Parts } from './partitions.js'
import type { ReservationTransferResult } from './results.js'
import type { SaleContext } from './sale-context.js'

type Answer =
  | Exclude<FinalAnswer<'transfer'>, { readonly status: 'departed' | 'moved' }>
  | { readonly status: 'declined' }

/** Gives a reservation to another buyer. See `transfer` of `FlashSale`. */
export async function transfer(
  { client, reservations, ledgerBarrier, acknowledged }: SaleContext,
  reservationId: string,
  { to, from }: ReturnType<typeof checkTransferOptions>,
  options: SignalOption,
): Promise<ReservationTransferResult> {
  const id = checkId(reservationId, 'reservationId')
  const call = client.call(options)
  const rulesIndex = await client.learn(call)
  const { incarnation, count } = client.partitions
  const partition = partitionOf(id)
  if (partition === undefined || partition >= count) return { status: 'not_found' }
  await ledgerBarrier?.ready(call)
  const newHome = async (parts: Parts, present: string) => {
    const household = rulesIndex.hasHouseholds
      ? await householdOf(parts, incarnation!, present, { to, from }, call)
      : undefined
    const newId = mintId(incarnation!, to, count, household)
    return household === undefined ? { newId } : { newId, household }
  }
  const given = await client.fanOut((parts) => give(parts, id, { to, from, newHome }, call))
  const { answer, sender, before } = given
  if (answer.status === 'declined') throw new Error('unreachable')
  if (answer.status === 'not_found') return answer
  if (answer.status === 'limit_exceeded') return rulesIndex.limitExceeded(answer)
  const { reservation } = answer
  if (before)
    acknowledged.note({ ...before, state: 'transferred' }, { movedTo: { id: reservation.id, receiver: to } })
  if (reservation.state === 'held') client.watch(partitionIn(reservation.id), reservation.expiresAt)
  const present = rulesIndex.names(reservation.cart) ? rulesIndex : await client.refresh(call)
  const result: ReservationTransferResult = reservations.publish(answer, present, {
    earlier: before?.id,
  })
  await reservations.acknowledge(result, sender, call)
  return reservations.acknowledge(result, partitionIn(reservation.id), call)
}

/**
 * The receiver's household. A receiver who has none yet is of that of the reservation from now on.
 * `undefined`: the reservation will not leave from here.
 */
async function householdOf(
  parts: Parts,
  incarnation: string,
  present: string,
  { to, from }: { readonly to: string; readonly from: string | null },
  call: CallOptions,
): Promise<string | undefined> {
  const found = await parts.ask(partitionIn(present), 'get', { id: present }, call, (answer) => answer)
  if (found.status !== 'found' || found.moved) return undefined
  const { buyer, household } = found.reservation
  return from === null || from === buyer ? bindHousehold(parts, incarnation, to, household!, call) : undefined
}

interface Wish {
  readonly to: string
  readonly from: string | null
  /**
   * Mints an id: each attempt has its own. And the receiver's household, in a sale that has them.
   *
   * @param present The id of the reservation.
   */
  readonly newHome: (
    parts: Parts,
    present: string,
  ) => Promise<{ readonly newId: string; readonly household?: string }>
}

interface Given {
  readonly answer: Answer
  /** The partition that the reservation has left. */
  readonly sender: number
  /** The reservation as it left, if this call has moved it. */
  readonly before?: StoredReservation | undefined
}

/** Asks until the transfer is decided. */
async function give(
  parts: Parts,
  id: string,
  { to, from, newHome }: Wish,
  call: CallOptions,
): Promise<Given> {
  let present = id
  for (;;) {
    const sender = partitionIn(present)
    const wish = { receiver: to, from, ...(await newHome(parts, present)) }
    const answer = await parts.ask(sender, 'transfer', { id: present, wish }, call, (final) => final)
    if (answer.status === 'departed') {
      const arrival = await completeDeparture(parts, present, answer, call)
      // Otherwise this was the transfer of an earlier call, which is over: this one is asked again.
      if (answer.to !== wish.newId) continue
      if (arrival.status === 'arrived')
        return {
          answer: { ...arrival, status: 'transferred', replayed: false },
          sender,
          before: answer.departure.reservation,
        }
      if (arrival.status === 'limit_exceeded') return { answer: arrival, sender }
    } else if (answer.status === 'transferred') {
      const { before, ...transferred } = answer
      return { answer: transferred, sender, before }
    } else if (answer.status !== 'moved') {
      return { answer, sender }
    } else if (answer.receiver === to) {
      const reservation = await whereNow(parts, answer, call)
      // A recovery may have accepted its loss.
      if (!reservation) return { answer: { status: 'not_found' }, sender }
      // The connection may have delivered this request twice.
      const replayed = answer.next !== wish.newId
      return { answer: { status: 'transferred', reservation, replayed }, sender }
    } else {
      parts.onMoved?.(answer)
      present = answer.next
    }
  }
}
