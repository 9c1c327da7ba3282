import { SLOTS, saltFor, slotOf } from './slot.js'

/**
 * The keys of one partition, in the order in which every script names them
 * (`sale/concerns/partition.lua`).
 */
const PARTS = ['meta', 'stock', 'buckets', 'expiry', 'events', 'archive', 'restocks', 'transfers'] as const

/**
 * The keys of the consumer groups of a partition, in the order in which their scripts name them
 * (`groups/concerns/consumer_groups.lua`).
 */
const GROUP_PARTS = ['meta', 'events', 'expiry', 'groups', 'parked'] as const

/**
 * The keys of a waiting room, in the order in which its scripts name them
 * (`room/concerns/room.lua`).
 */
const ROOM_PARTS = [
  ...(['meta', 'visitors', 'departed', 'departed_chunks', 'present', 'last_seen', 'turns'] as const),
  ...(['long_turns', 'passes', 'revoked', 'blocked', 'transferred'] as const),
  ...([
    'departed_b',
    'departed_c',
    'departed_d',
    'departed_e',
    'departed_f',
    'departed_g',
    'departed_h',
  ] as const),
] as const

/**
 * All keys of a partition, in the order in which the scripts that remove it name them
 * (`removal/concerns/removal.lua`).
 */
const ALL_PARTS = [...PARTS, 'groups', 'parked'] as const

/** The keys of the index, as its scripts name them (`removal/concerns/sale_index.lua`). */
const INDEX_PARTS = ['entries', 'removed'] as const

/** The keys of the heartbeat, as its scripts name them (`heartbeat/concerns/heartbeat.lua`). */
const HEARTBEAT_PARTS = ['processes', 'seen', 'requests', 'answers', 'courses', 'points'] as const

/**
 * The keys of the operations log, as its scripts name them
 * (`operations/concerns/operations_log.lua`).
 */
const LOG_PARTS = ['entries', 'order'] as const

/**
 * A key that is never written, named after all others.
 *
 * While a slot moves to another node of a cluster, Redis starts a script only if all keys it names
 * are there. If the script empties one of them (a sorted set loses its last member) and then writes
 * it again, Redis ends the script in the middle: the key is "non local" by then, and the writes so
 * far stay. With one key that is always missing, Redis refuses before the script begins (TRYAGAIN,
 * ASK), until the slot has moved.
 */
const GUARD = 'none'

/**
 * All keys of a partition share one hash tag, and so one slot of a cluster:
 * `{prefix:sale:partition}`, with a salt after it for all but the first. The salts make the slots
 * of a sale's partitions equally distant, beginning with that of partition 0; so masters with equal
 * ranges of slots have equally many partitions, and none of them is far above the others by chance.
 * Partition 0 has no salt: a handle finds it without knowing the number of partitions.
 *
 * The names are percent-encoded: a brace in them would end the tag, and a colon could make two
 * names equal.
 */
export function partitionKeys(prefix: string, sale: string, partition: number, partitions: number): string[] {
  return keysOf(partitionTag(prefix, sale, partition, partitions), PARTS)
}

/** All keys are in the slot of the partition that the groups follow. */
export function groupKeys(prefix: string, sale: string, partition: number, partitions: number): string[] {
  return keysOf(partitionTag(prefix, sale, partition, partitions), GROUP_PARTS)
}

/** The keys of the partition and of the groups that follow it. */
export function removalKeys(prefix: string, sale: string, partition: number, partitions: number): string[] {
  return keysOf(partitionTag(prefix, sale, partition, partitions), ALL_PARTS)
}

/** All in one slot. No sale or room has a tag of two parts. */
export function indexKeys(prefix: string): string[] {
  return keysOf(`${encodeURIComponent(prefix)}:index`, INDEX_PARTS)
}

/** As {@link indexKeys}. */
export function operationsLogKeys(prefix: string): string[] {
  return keysOf(`${encodeURIComponent(prefix)}:operations`, LOG_PARTS)
}

/** All in one slot. */
export function heartbeatKeys(prefix: string): string[] {
  return keysOf(`${encodeURIComponent(prefix)}:heartbeat`, HEARTBEAT_PARTS)
}

/**
 * Like the keys of a partition; a sale of the same name has a number in place of the room's word.
 */
export function roomKeys(prefix: string, room: string): string[] {
  return keysOf(`${encodeURIComponent(prefix)}:${encodeURIComponent(room)}:room`, ROOM_PARTS)
}

function keysOf(tag: string, parts: readonly string[]): string[] {
  return [...parts, GUARD].map((part) => `{${tag}}:${part}`)
}

function partitionTag(prefix: string, sale: string, partition: number, partitions: number): string {
  const name = `${encodeURIComponent(prefix)}:${encodeURIComponent(sale)}`
  const first = `${name}:0`
  if (partition === 0) return first
  const slot = (slotOf(first) + Math.ceil((partition * SLOTS) / partitions)) % SLOTS
  const unsalted = `${name}:${partition}:`
  return unsalted + saltFor(unsalted, slot)
}
