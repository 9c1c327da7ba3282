import { SLOTS, saltFor, slotOf } from './slot.js'

/**
 * The keys of one partition, in the order in which every script names them
 * (`sale/concerns/partition.lua`).
 */
const PARTS = ['meta', 'stock', 'buckets', 'expiry', 'events', 'archive', 'restocks', 'transfers'] as const

/**
 * The keys of those who follow a partition's events, in the order in which their scripts name them
 * (`groups/concerns/consumer_groups.lua`).
 */
const GROUP_PARTS = ['meta', 'events', 'expiry', 'groups', 'parked'] as const

/**
 * The keys of a waiting room, in the order in which its scripts name them
 * (`room/concerns/room.lua`).
 */
const ROOM_PARTS = [
  ...(['meta', 'visitors', 'departed', 'departed_chunks', 'present', 'last_seen', 'turns'] as const),
  ...(['passes', 'revoked'] as const),
] as const

/**
 * A key that nobody ever writes, named behind all others.
 *
 * While a slot moves to another node of a cluster, a script goes ahead only if all keys it names
 * are there; but if it empties one of them (a sorted set whose last member goes) and then writes it
 * again, Redis ends it in the middle: the key is "non local" by then, and what was written stays.
 * With one key missing for certain, Redis refuses before it begins (TRYAGAIN, ASK), until the slot
 * has moved.
 */
const GUARD = 'none'

/**
 * All keys of a partition share one hash tag, and so one slot of a cluster:
 * `{prefix:sale:partition}`, with a salt behind it for all but the first. The salts make the slots
 * of a sale's partitions equally distant, beginning with that of partition 0; so masters with equal
 * ranges of slots have equally many partitions, and none of them is far above the others by chance.
 * Partition 0 has no salt: it is found by who does not know yet how many there are.
 *
 * The names are percent-encoded: a brace in them would end the tag, and a colon could make two
 * names one.
 */
export function partitionKeys(prefix: string, sale: string, partition: number, partitions: number): string[] {
  return keysOf(partitionTag(prefix, sale, partition, partitions), PARTS)
}

/** All in the slot of the partition that is followed. */
export function groupKeys(prefix: string, sale: string, partition: number, partitions: number): string[] {
  return keysOf(partitionTag(prefix, sale, partition, partitions), GROUP_PARTS)
}

/** As those of a partition; a sale of the same name has numbers where a room has its word. */
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
