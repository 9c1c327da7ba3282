import { ask, inTime } from './ask.js'
import type { CommandMap, Final, Port } from './port.js'
import type { SaleState } from './records.js'
import type { Lifecycle, ListedRoomState } from './removal.js'
import type { IndexEntry, IndexedIncarnation } from './sale-index.js'

/** A sale in the list of an engine. */
export interface ListedSale {
  readonly id: string
  /**
   * `removing`: a process is removing the sale. `lost`: the sale has lost its state in Redis, or
   * that of one of its partitions. `frozen`: Redis has lost acknowledged changes of it. Recover a
   * sale that is lost or frozen.
   */
  readonly state: SaleState | 'removing' | 'lost' | 'frozen'
  readonly partitions: number
  /** When the sale was created, epoch ms. */
  readonly createdAt: number
}

/** A waiting room in the list of an engine. */
export interface ListedRoom {
  readonly id: string
  /** `removing`: a process is removing the room. `lost`: the room has lost its state in Redis. */
  readonly state: ListedRoomState | 'removing' | 'lost'
  /** When the room was created, epoch ms. */
  readonly createdAt: number
}

const tuning = {
  /** How many sales are read at a time. */
  atOnce: 64,
}

/** An engine that lists its sales and rooms. */
export abstract class ListingEngine {
  abstract readonly lifecycle: Lifecycle

  async *sales(): AsyncGenerator<ListedSale> {
    for await (const { entry, found } of listed(this.lifecycle, 'sale')) {
      const { name, partitions, createdAt } = entry
      yield { id: name, state: found as ListedSale['state'], partitions, createdAt }
    }
  }

  async *rooms(): AsyncGenerator<ListedRoom> {
    for await (const { entry, found } of listed(this.lifecycle, 'room'))
      yield { id: entry.name, state: found as ListedRoom['state'], createdAt: entry.createdAt }
  }
}

/**
 * All incarnations of a kind that are not removed, each with its state. A page may repeat entries.
 */
async function* listed(lifecycle: Lifecycle, kind: IndexEntry['kind']) {
  const seen = new Set<string>()
  for (let cursor = '0'; ; ) {
    const page = await read(lifecycle.index, 'list', { cursor })
    const entries = page.entries.filter(
      (entry) => entry.kind === kind && entry.state !== 'removed' && !seen.has(entry.incarnation),
    )
    for (const { incarnation } of entries) seen.add(incarnation)
    for (let i = 0; i < entries.length; i += tuning.atOnce) {
      const some = entries.slice(i, i + tuning.atOnce)
      const states = await Promise.all(some.map((entry) => stateOf(lifecycle, entry)))
      for (const [j, entry] of some.entries()) if (states[j]) yield { entry, found: states[j] }
    }
    cursor = page.cursor
    if (cursor === '0') return
  }
}

/** The state of an incarnation of a sale, which may be in no index. `undefined`: it was removed. */
export async function stateOfSale(
  lifecycle: Lifecycle,
  sale: Pick<IndexEntry, 'name' | 'incarnation' | 'partitions'>,
): Promise<ListedSale['state'] | undefined> {
  const state = await stateOf(lifecycle, { kind: 'sale', state: 'live', ...sale })
  return state as ListedSale['state'] | undefined
}

/** The same of a waiting room. */
export async function stateOfRoom(
  lifecycle: Lifecycle,
  room: Pick<IndexEntry, 'name' | 'incarnation'>,
): Promise<ListedRoom['state'] | undefined> {
  const state = await stateOf(lifecycle, { kind: 'room', state: 'live', partitions: 1, ...room })
  return state as ListedRoom['state'] | undefined
}

/** `undefined`: it was removed since. */
async function stateOf(lifecycle: Lifecycle, entry: IndexedIncarnation & Pick<IndexEntry, 'state'>) {
  const { kind, incarnation, state } = entry
  if (state === 'removing') return 'removing'
  const found = await (kind === 'sale' ? inspectSale(lifecycle, entry) : inspectRoom(lifecycle, entry))
  if (found) return found
  const indexed = await read(lifecycle.index, 'find', { incarnation })
  if (indexed.status === 'found' && indexed.state !== 'live')
    return indexed.state === 'removing' ? 'removing' : undefined
  return 'lost'
}

/**
 * What partition 0 says; a sale is frozen if any of its partitions is. `undefined`: a partition is
 * not there, or is of another incarnation.
 */
async function inspectSale(lifecycle: Lifecycle, sale: IndexedIncarnation) {
  const { name, partitions, incarnation } = sale
  const inspect = (index: number) => read(lifecycle.partition(name, index, partitions), 'inspect', {})
  const all = await Promise.all(Array.from({ length: partitions }, (_, index) => inspect(index)))
  const found = all.filter((one) => one.status === 'found').filter((one) => one.incarnation === incarnation)
  if (found.length < partitions) return undefined
  return found.some(({ frozen }) => frozen) ? 'frozen' : found[0]!.state
}

async function inspectRoom(lifecycle: Lifecycle, { name, incarnation }: IndexedIncarnation) {
  const room = await read(lifecycle.room(name), 'inspect', {})
  return room.status === 'found' && room.incarnation === incarnation ? room.state : undefined
}

/** Asks a question that changes nothing. */
async function read<M extends CommandMap<M>, C extends keyof M>(
  port: Port<M>,
  command: C,
  op: M[C]['op'],
): Promise<Final<M[C]['answer']>> {
  return (await inTime('The list was', port, (signal) => ask(port, command, op, signal))).answer
}
