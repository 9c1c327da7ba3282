import pLimit from 'p-limit'
import type { CallOptions } from '../batching/batcher-set.js'
import type { FinalAnswer, Moved, StoredReservation } from '../engine/engine.js'
import { partitionIn } from '../engine/reservation-id.js'
import { readAll } from './fan-out.js'
import type { Parts } from './partitions.js'

const tuning = {
  /** How many transfers are completed at a time. */
  atOnce: 64,
}

type Departed = Extract<FinalAnswer<'transfer'>, { status: 'departed' }>

/** Asks the receiver's partition to take a reservation over, and tells the sender's the end. */
export async function completeDeparture(
  parts: Parts,
  id: string,
  { to, receiver, household, departure }: Omit<Departed, 'status'>,
  call: CallOptions,
): Promise<FinalAnswer<'arrive'>> {
  const arrival = { id: to, receiver, departure, ...(household !== undefined && { household }) }
  const answer = await parts.ask(partitionIn(to), 'arrive', arrival, call, (final) => final)
  const settlement = { id, to, arrived: answer.status === 'arrived', latest: null }
  await parts.ask(partitionIn(id), 'settle', settlement, call, () => {})
  return answer
}

/** Completes the transfer of a reservation that is on its way; any process can. */
export async function completeTransfer(parts: Parts, id: string, call: CallOptions): Promise<void> {
  const op = { id, wish: null }
  const answer = await parts.ask(partitionIn(id), 'transfer', op, call, (final) => final)
  if (answer.status === 'departed') await completeDeparture(parts, id, answer, call)
}

/** Completes the transfers of all reservations that are on their way. */
export async function completeDepartures(parts: Parts, call: CallOptions): Promise<void> {
  if (parts.count === 1) return
  const answers = await readAll(parts.count, (index) =>
    parts.ask(index, 'transfers', {}, call, (answer) => answer),
  )
  const departing = answers.flatMap((answer) => answer.departing)
  await pLimit(tuning.atOnce).map(departing, (id) => completeTransfer(parts, id, call))
}

type MayMove = { readonly status: string; readonly moved?: Moved | undefined }

/** Where a reservation went, by the answer of a command on it. */
export function movedIn(answer: MayMove): Moved | undefined {
  return answer.status === 'moved' ? (answer as Moved) : answer.moved
}

/**
 * Follows a reservation to where it is now, and asks there. A transfer that is on its way is
 * completed first.
 *
 * If it went on more than once, the first id is told each next step: later calls take the short
 * way, and a call that is cut off was not in vain.
 *
 * @param first The answer to the command with `id`.
 */
export async function follow<A extends MayMove>(
  parts: Parts,
  id: string,
  first: A,
  again: (id: string) => Promise<A>,
  call: CallOptions,
): Promise<{ readonly id: string; readonly answer: A }> {
  let present = id
  let next: string | undefined
  for (let answer = first; ; answer = await again(present)) {
    const moved = movedIn(answer)
    if (!moved) return { id: present, answer }
    if (!moved.settled) {
      await completeTransfer(parts, present, call)
      continue
    }
    parts.onMoved?.(moved)
    present = moved.to
    if (next !== undefined) {
      const settlement = { id, to: next, arrived: true, latest: present }
      await parts.ask(partitionIn(id), 'settle', settlement, call, () => {})
    }
    next ??= moved.next
  }
}

/** The answer of `get` where a reservation is now. */
export async function getNow(parts: Parts, id: string, call: CallOptions): Promise<FinalAnswer<'get'>> {
  const get = (one: string) => parts.ask(partitionIn(one), 'get', { id: one }, call, (answer) => answer)
  return (await follow(parts, id, await get(id), get, call)).answer
}

/** A reservation that was transferred, as it is now; `undefined` if a recovery has lost it. */
export async function whereNow(
  parts: Parts,
  moved: Moved,
  call: CallOptions,
): Promise<StoredReservation | undefined> {
  const get = (one: string) => parts.ask(partitionIn(one), 'get', { id: one }, call, (answer) => answer)
  const { answer } = await follow<FinalAnswer<'get'> | Moved>(parts, moved.id, moved, get, call)
  return answer.status === 'found' ? answer.reservation : undefined
}
