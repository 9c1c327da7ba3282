import type { Answer, Op, StoredReservation, TransferOrigin } from '../../engine/engine.js'
import { partitionIn } from '../../engine/reservation-id.js'
import { CARRIED, type Departure } from '../../engine/transfer-commands.js'
import { notFound } from './confirm-and-release.js'
import type { Entry, Move } from './entry.js'
import { type PartitionState, retry, type Step } from './partition-state.js'
import { limitExceeded } from './reserve.js'
import { wereReturned } from './returns-to.js'
import { movedOf } from './transferred-reservations.js'

type Wish = NonNullable<Op<'transfer'>['wish']>

export function transfer(
  state: PartitionState,
  { id, wish }: Op<'transfer'>,
  { overdue, bypassFreeze }: Step,
): Answer<'transfer'> {
  const entry = state.find(id)
  if (!entry && bypassFreeze && wish?.record)
    return overdue ? retry : restored(state, withoutUnits(state, wish.record, wish.earlier ?? null), wish)
  if (!entry) return notFound
  if (entry.moved) return onItsWay(entry, entry.moved)
  const { reservation } = entry
  if (!wish) return notFound
  if (bypassFreeze) return overdue ? retry : restored(state, entry, wish)
  if (wish.receiver === reservation.buyer) return { status: 'transferred', reservation, replayed: true }
  if (wish.from !== null && wish.from !== reservation.buyer) return notFound
  switch (reservation.state) {
    case 'released':
      return { status: 'already_released', reservation }
    case 'expired':
      return { status: 'expired', reservation }
    case 'refunded':
      return { status: 'already_refunded', reservation }
  }
  // The keys of its refunds stay with the old record: a repeated one must not refund again.
  if (reservation.changes?.ordered) return { status: 'already_refunded', reservation }
  if (overdue) return retry
  if (partitionIn(wish.newId) !== partitionIn(id)) return depart(state, entry, wish)
  const { receiver: buyer, household } = wish
  // Within a household the units count for it all the time.
  const counts = household === reservation.household ? { buyer } : { buyer, household }
  const over = state.stock.overLimit(counts, reservation.cart, false)
  if (over) return limitExceeded(state, wish.receiver, reservation.cart, over)
  const departure = departureOf(entry, reservation.state)
  leave(state, entry, wish, true)
  const taken = takeOver(state, wish, departure)
  state.stock.countFor(reservation.cart, reservation, taken)
  return { status: 'transferred', reservation: taken, replayed: false, before: reservation }
}

function onItsWay(entry: Entry, moved: Move): Answer<'transfer'> {
  if (moved.settled) return movedOf(moved)
  const departure = departureOf(entry, moved.state)
  const { next: to, receiver, household } = moved
  return { status: 'departed', to, receiver, ...(household !== undefined && { household }), departure }
}

function departureOf(
  { reservation, late, earlier, further }: Entry,
  state: StoredReservation['state'],
): Departure {
  const latest = further.size > 0 ? reservation.id : earlier
  return { reservation: { ...reservation, state }, late, earlier: latest }
}

/** A record of which a recovery knows more than the partition. */
function withoutUnits(state: PartitionState, record: StoredReservation, earlier: string | null): Entry {
  const { buyer, key } = record
  const isUsed = key !== null && state.findByKey(buyer, key) !== undefined
  return state.add({ ...record, key: isUsed ? null : key, state: 'expired' }, { late: false, earlier })
}

/** The old record in a recovery: the new one is restored by itself, with units of its own. */
function restored(state: PartitionState, entry: Entry, wish: Wish): Answer<'transfer'> {
  const { cart, state: before } = entry.reservation
  if (before === 'held' || before === 'confirmed') {
    state.stock.giveBack(entry.reservation, cart, before)
    state.returns++
  }
  leave(state, entry, wish, true)
  if (before === 'held' || before === 'confirmed') wereReturned(state, cart)
  return movedOf(entry.moved!)
}

function depart(state: PartitionState, entry: Entry, wish: Wish): Answer<'transfer'> {
  const { id, cart } = entry.reservation
  const from = leave(state, entry, wish, false)
  state.stock.carry(cart, from, 'inTransit')
  count(state, 'sent', wish.newId, cart, 1)
  state.transfers.departing.add(id)
  // These units may be available to others, if the hold expires on its way.
  state.returns++
  return onItsWay(entry, entry.moved!)
}

/** Leaves a record that says where the reservation went. Returns its state before. */
function leave(
  state: PartitionState,
  entry: Entry,
  { newId, receiver, household }: Wish,
  settled: boolean,
): 'held' | 'confirmed' {
  const { id, state: present } = entry.reservation
  const before = present === 'confirmed' ? present : 'held'
  entry.moved = { status: 'moved', id, next: newId, to: newId, receiver, household, settled, state: before }
  state.change(entry, { state: 'transferred' })
  state.appendOf(entry, { type: 'departed', id, to: newId })
  return before
}

function originAfter({ id, origin }: StoredReservation, now: number): TransferOrigin {
  if (!origin) return { id, transfers: 1, at: now }
  return { id: origin.id, transfers: origin.transfers + 1, at: Math.max(now, origin.at + 1) }
}

/** Makes the receiver's record. */
function takeOver(
  state: PartitionState,
  { newId, receiver, household }: Pick<Wish, 'newId' | 'receiver' | 'household'>,
  { reservation, ...rest }: Departure,
): StoredReservation {
  const { id: from, buyer: sender, household: _, expiresAt, ...same } = reservation
  const ofReceiver = { id: newId, buyer: receiver, ...(household !== undefined && { household }), key: null }
  const origin = originAfter(reservation, state.now)
  const entry = state.add({ ...same, expiresAt, ...ofReceiver, origin }, rest)
  state.transfers.arrived = true
  const kind = reservation.state === 'confirmed' ? 'confirmed' : 'held'
  state.appendOf(entry, { type: 'transferred', id: newId, from, sender, state: kind, expiresAt })
  return entry.reservation
}

export function arrive(state: PartitionState, op: Op<'arrive'>, step: Step): Answer<'arrive'> {
  const { id, receiver, household, departure } = op
  const known = state.find(id)
  if (known) return { status: 'arrived', reservation: known.reservation }
  const { cart, id: from, state: before } = departure.reservation
  const isDeclined = state.transfers.declined.has(id)
  if ((step.overdue && !isDeclined) || !state.stock.knows(cart)) return retry
  const owner = { buyer: receiver, household }
  const over = state.stock.overLimit(owner, cart, step.bypassFreeze)
  if (over) {
    state.transfers.declined.add(id)
    return limitExceeded(state, receiver, cart, over)
  }
  if (isDeclined) return { status: 'declined' }
  state.stock.carry(cart, 'inTransit', before === 'confirmed' ? before : 'held')
  state.stock.countFor(cart, null, owner)
  count(state, 'received', from, cart, 1)
  return { status: 'arrived', reservation: takeOver(state, { newId: id, receiver, household }, departure) }
}

export function settle(state: PartitionState, op: Op<'settle'>, { overdue }: Step): Answer<'settle'> {
  const entry = state.find(op.id)
  const moved = entry?.moved
  const latest = (op.arrived && op.latest) || moved?.to
  if (!entry || !moved || moved.next !== op.to) return { status: 'settled' }
  if (moved.settled && latest === moved.to) return { status: 'settled' }
  if (overdue) return retry
  if (!moved.settled) {
    state.transfers.departing.delete(op.id)
    if (!op.arrived) {
      comeBack(state, entry, moved)
      return { status: 'settled' }
    }
    state.stock.countFor(entry.reservation.cart, entry.reservation, null)
    state.appendOf(entry, { type: 'settled', id: op.id })
  }
  entry.moved = { ...moved, settled: true, to: latest! }
  return { status: 'settled' }
}

/** The receiver's limit did not allow it. */
function comeBack(state: PartitionState, entry: Entry, { next, state: before }: Move): void {
  const { id, cart, expiresAt } = entry.reservation
  state.stock.carry(cart, 'inTransit', before)
  count(state, 'sent', next, cart, -1)
  entry.moved = undefined
  state.change(entry, { state: before })
  state.expiry.add(entry)
  state.appendOf(entry, { type: 'returned', id, state: before, expiresAt })
}

function count(
  state: PartitionState,
  way: 'sent' | 'received',
  other: string,
  cart: StoredReservation['cart'],
  sign: 1 | -1,
): void {
  for (const [sku, quantity] of cart) state[way].add(CARRIED + partitionIn(other), sku, sign * quantity)
}
