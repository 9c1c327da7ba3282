import { expect } from 'vitest'
import type { Engine } from '../../src/engine/engine.js'
import type { ListedRoom, ListedSale } from '../../src/engine/listing.js'
import type { CommandMap, Port } from '../../src/engine/port.js'
import type { IndexCommands } from '../../src/engine/sale-index.js'
import { StockholdError } from '../../src/index.js'
import type { MemoryEngine } from '../../src/memory-engine/memory-engine.js'
import type { EngineKind, RedisKind, TimedEngine } from './engines.js'
import { anyTime } from './shop.js'
import { wrapped } from './wrapped-engine.js'

/** Asks a port one item, with nothing between it and the test. */
export async function askPort<M extends CommandMap<M>, C extends keyof M>(
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

/** What becomes of a call to the ports of a removal. */
export type Fate = 'answered' | 'reply lost' | 'refused'

/** The engine of a process whose calls to the index and to remove fare as told. */
export function removingBy(engine: Engine, fateOf: (command: string, op: unknown) => Fate): Engine {
  const { index, partition, room } = engine.lifecycle!
  const faulty = <M extends CommandMap<M>>(port: Port<M>): Port<M> => ({
    ...port,
    async run(command, ops, call) {
      const fate = fateOf(String(command), ops[0])
      if (fate === 'refused') throw new StockholdError('UNAVAILABLE', 'refused', { retryable: false })
      const reply = await port.run(command, ops, call)
      if (fate === 'reply lost') throw new StockholdError('UNKNOWN_OUTCOME', 'lost')
      return reply
    },
  })
  return wrapped(engine, {
    lifecycle: {
      index: faulty(index),
      partition: (...place) => faulty(partition(...place)),
      room: (name) => faulty(room(name)),
    },
  })
}

/** A process that dies right after its call number `steps` to these ports was carried out. */
export function dyingRemover(engine: Engine, steps: number): { engine: Engine; isDead(): boolean } {
  let left = steps
  const dying = removingBy(engine, () => {
    left--
    return left > 0 ? 'answered' : left === 0 ? 'reply lost' : 'refused'
  })
  return { engine: dying, isDead: () => left <= 0 }
}

/** How many things an engine keeps beside its index and its heartbeat. */
export async function leftIn(kind: EngineKind, { engine, prefix }: TimedEngine): Promise<number> {
  if (kind.name === 'memory') {
    const { partitions, machines } = engine as MemoryEngine
    const sales = [...partitions.values()].filter(({ incarnation }) => incarnation !== null)
    return sales.length + [...machines.values()].filter(({ room }) => room).length
  }
  const keys = await (kind as RedisKind).client().keys(`{${prefix}:*`)
  const ofPrefix = [`{${prefix}:index}`, `{${prefix}:heartbeat}`]
  return keys.filter((key) => !ofPrefix.some((tag) => key.startsWith(tag))).length
}
