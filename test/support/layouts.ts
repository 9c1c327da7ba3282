import { inspect } from 'node:util'
import type { MemoryEngine } from '../../src/memory-engine/memory-engine.js'
import { contentsOf } from './contents.js'
import type { EngineKind, RedisKind, TimedEngine } from './engines.js'

/** What carries a layout number of its own. */
export type Part = 'sale' | 'room' | 'groups'

/**
 * Puts another number where the layout stands, or takes it away: before there were layouts, the
 * next value came first.
 */
const relayout = `
local values = { cmsgpack.unpack(redis.call('HGET', KEYS[1], ARGV[1])) }
table.remove(values, 1)
if ARGV[2] ~= '0' then table.insert(values, 1, tonumber(ARGV[2])) end
redis.call('HSET', KEYS[1], ARGV[1], cmsgpack.pack(unpack(values)))`

/**
 * Makes what an engine keeps look as if another version had stored it.
 *
 * @param partition Of the sale, or `undefined` for all of its partitions.
 */
export async function storeIn(
  layout: number,
  part: Part,
  kind: EngineKind,
  timed: TimedEngine,
  partition?: number,
): Promise<void> {
  if (kind.name === 'memory') return storeInMemory(layout, part, timed, partition)
  const { client } = kind as RedisKind
  const suffix = part === 'groups' ? ':groups' : ':meta'
  const field = part === 'groups' ? 'head' : 'static'
  for (const key of await keysOf(kind, timed)) {
    const isRoom = key.includes(':room}')
    const isThere = partition === undefined || new RegExp(`^\\{[^:]+:[^:]+:${partition}[:}]`).test(key)
    if (key.endsWith(suffix) && isRoom === (part === 'room') && isThere)
      await client().eval(relayout, 1, key, field, layout)
  }
}

function storeInMemory(layout: number, part: Part, { engine }: TimedEngine, partition?: number): void {
  const { partitions, machines } = engine as MemoryEngine
  for (const [name, state] of partitions) {
    if (partition !== undefined && Number.parseInt(name, 10) !== partition) continue
    if (part === 'sale') state.layout = layout
    if (part === 'groups') state.groups.layout = layout
  }
  for (const { room } of machines.values()) if (room && part === 'room') room.layout = layout
}

/** All that an engine keeps: equal if and only if nothing was written, on Redis byte by byte. */
export async function stored(kind: EngineKind, timed: TimedEngine): Promise<unknown> {
  if (kind.name === 'memory') return inMemory(timed)
  const { client } = kind as RedisKind
  const keys = await keysOf(kind, timed)
  return Promise.all(keys.map(async (key) => [key, await client().callBuffer(...contentsOf(key))]))
}

function inMemory({ engine }: TimedEngine): unknown {
  const { partitions, machines } = engine as MemoryEngine
  return [
    [...partitions.values()].map((state) => [
      inspect(state, { depth: 9, maxArrayLength: null }),
      state.incarnation && [state.stock.snapshot(), state.offset, state.nextExpiry(), state.groups.states()],
    ]),
    [...machines.values()].map(({ room }) => [
      inspect(room, { depth: 9, maxArrayLength: null }),
      room && [room.time, room.outstanding.size, room.find('ann')],
    ]),
  ]
}

async function keysOf(kind: EngineKind, { prefix }: TimedEngine): Promise<string[]> {
  const keys = await (kind as RedisKind).client().keys(`{${encodeURIComponent(prefix!)}:*`)
  return keys.sort()
}
