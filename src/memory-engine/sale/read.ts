import type { Answer, Op, StoredReservation } from '../../engine/engine.js'
import type { Entry } from './entry.js'
import { type PartitionState, retry, type Step } from './partition-state.js'
import { movedOf } from './transferred-reservations.js'

const tuning = {
  reservationsAPage: 1_000,
  eventsAPage: 1_000,
}

export function describe(state: PartitionState): Answer<'describe'> {
  const { created: rules, present, complete, paused, ended, frozen } = state
  return {
    status: 'described',
    rules,
    present,
    incarnation: state.incarnation!,
    complete,
    paused,
    ended,
    frozen,
  }
}

export function get(state: PartitionState, op: Op<'get'>, { now }: Step): Answer<'get'> {
  const entry = state.find(op.id)
  if (!entry) return { status: 'not_found' }
  const found = { status: 'found', reservation: asAt(entry, now) } as const
  return entry.moved ? { ...found, moved: movedOf(entry.moved) } : found
}

export function list(state: PartitionState, op: Op<'list'>, { now }: Step): Answer<'list'> {
  const all = state.ofBuyer(op.buyer)
  const end = op.after === null ? all.length : all.findIndex(({ reservation }) => reservation.id === op.after)
  if (end < 0) return { status: 'not_found' }
  const page = all.slice(Math.max(0, end - op.most), end).reverse()
  const household = state.householdByBuyer.get(op.buyer)
  const listed = { status: 'listed', reservations: page.map((entry) => asAt(entry, now)) } as const
  return household === undefined ? listed : { ...listed, household }
}

/** An expired hold is `expired`, whether or not a command has looked at it. */
function asAt({ reservation }: Entry, now: number): StoredReservation {
  const expired = reservation.state === 'held' && now >= reservation.expiresAt
  return expired ? { ...reservation, state: 'expired' } : reservation
}

export function scan(state: PartitionState, op: Op<'scan'>): Answer<'scan'> {
  const start = Number(op.cursor)
  const end = start + tuning.reservationsAPage
  const isLast = end >= state.entries.length
  const page = state.entries.slice(start, end)
  return {
    status: 'scanned',
    cursor: isLast ? '0' : String(end),
    reservations: page.map((entry) => entry.reservation),
    furtherPayments: page.flatMap(({ reservation: { id }, further }) =>
      [...further].map(([paymentId, reason]) => ({ id, paymentId, reason })),
    ),
    keyedRefunds: page.flatMap(({ refunds }) => [...refunds.values()]),
    skus: isLast ? state.stock.snapshot() : [],
    sequence: state.events.sequence,
  }
}

export function events(state: PartitionState, op: Op<'events'>): Answer<'events'> {
  const { generation, since } = state
  const found = state.events.after(op.after, tuning.eventsAPage)
  const ids = new Set(op.reservations ? found.flatMap((event) => ('id' in event ? [event.id] : [])) : [])
  const reservations = [...ids].map((id) => state.find(id)!.reservation)
  return { status: 'events', events: found, generation, since, reservations }
}

export function stats(state: PartitionState, { skus }: Op<'stats'>): Answer<'stats'> {
  if (!state.stock.knows(skus?.map((sku) => [sku, 0]) ?? [])) return retry
  return { status: state.saleState(), skus: state.stock.snapshot(skus), returns: state.returns }
}

export function sweep(state: PartitionState): Answer<'sweep'> {
  return { status: 'swept', next: state.nextExpiry() }
}
