import { partitionOf } from '../../../src/engine/reservation-id.js'
import type { Entry, Move } from '../../../src/memory-engine/sale/entry.js'
import type { PartitionState } from '../../../src/memory-engine/sale/partition-state.js'
import type { SaleMachine } from './sale-machine.js'

type Machines = readonly Pick<SaleMachine, 'state'>[]

/** A record that has left, and has not arrived. */
interface OnTheWay {
  readonly entry: Entry
  readonly moved: Move
}

function find(machines: Machines, id: string): Entry | undefined {
  return machines[partitionOf(id) ?? 0]?.state.find(id)
}

/** The records that a reservation has, from this one to the present one. */
function* recordsFrom(machines: Machines, id: string): Generator<Entry> {
  for (let entry = find(machines, id); entry; ) {
    yield entry
    entry = entry.moved && find(machines, entry.moved.next)
  }
}

/** Whether the reservation with the id `from` has had the id `to` since, or has it. */
export function leadsTo(machines: Machines, from: string, to: string): boolean {
  return [...recordsFrom(machines, from)].some(({ reservation }) => reservation.id === to)
}

/**
 * A reservation as it is, under the id that it has: one on its way is what it was when it left.
 */
export function whereNow(machines: Machines, id: string): Entry | undefined {
  const last = [...recordsFrom(machines, id)].at(-1)
  if (!last?.moved) return last
  return { ...last, reservation: { ...last.reservation, state: last.moved.state } }
}

/** The payments that a reservation was told of under any of its ids. */
export function paymentsOf(state: PartitionState, id: string): ReadonlySet<string> {
  const family = [...recordsFrom([{ state }], id)]
  for (let first = family[0]; first; ) {
    const { id: own } = first.reservation
    first = state.entries.find(({ moved }) => moved?.next === own)
    if (first) family.push(first)
  }
  return new Set(
    family.flatMap(({ reservation, further }) => [reservation.paymentId ?? '', ...further.keys()]),
  )
}

/** The records that have left a partition, and arrived nowhere yet. */
export function onTheWay(machines: Machines): OnTheWay[] {
  return machines.flatMap(({ state }) =>
    state.entries.flatMap((entry) =>
      entry.moved && !entry.moved.settled && !find(machines, entry.moved.next)
        ? [{ entry, moved: entry.moved }]
        : [],
    ),
  )
}
