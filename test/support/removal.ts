import { expect } from 'vitest'
import type { Engine } from '../../src/engine/engine.js'
import type { ListedRoom, ListedSale } from '../../src/engine/listing.js'
import type { CommandMap, Port } from '../../src/engine/port.js'
import type { IndexCommands } from '../../src/engine/sale-index.js'
import type { TimedEngine } from './engines.js'
import { anyTime } from './shop.js'

/** Asks a port of the lifecycle one item, with nothing between it and the test. */
async function askPort<M extends CommandMap<M>, C extends keyof M>(
  port: Port<M>,
  command: C,
  op: M[C]['op'],
  call: { readonly deadline?: number; readonly minTime?: number } = {},
): Promise<M[C]['answer']> {
  await port.ready()
  const reply = await port.run(command, [op], { incarnation: null, ...anyTime, ...call })
  if (reply.outcome !== 'done') expect.fail(`${String(command)}: ${reply.outcome}`)
  return reply.answers[0]!
}

export function askIndex<C extends keyof IndexCommands>(
  { engine }: Pick<TimedEngine, 'engine'>,
  command: C,
  op: IndexCommands[C]['op'],
  call?: { readonly deadline?: number },
): Promise<IndexCommands[C]['answer']> {
  return askPort<IndexCommands, C>(engine.lifecycle!.index, command, op, call)
}

/** The list of an engine in order of the ids. */
export function salesOf(engine: Engine): Promise<ListedSale[]> {
  return inOrder(engine.sales())
}

export function roomsOf(engine: Engine): Promise<ListedRoom[]> {
  return inOrder(engine.rooms())
}

async function inOrder<T extends { readonly id: string }>(list: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const one of list) all.push(one)
  return all.sort((a, b) => (a.id < b.id ? -1 : 1))
}
