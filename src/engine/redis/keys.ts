/** The keys of one partition, in the order in which every script names them (`scripts/_partition.lua`). */
const PARTS = ['meta', 'stock', 'buckets', 'expiry', 'events', 'archive', 'restocks'] as const

/**
 * All keys of a partition share one hash tag, `{prefix:sale:partition}`, and so one slot of a cluster. The sale's name is
 * percent-encoded: a brace in it would end the tag, and a colon could make two names one.
 */
export function partitionKeys(prefix: string, sale: string, partition: number): string[] {
  const tag = `{${encodeURIComponent(prefix)}:${encodeURIComponent(sale)}:${partition}}`
  return PARTS.map((part) => `${tag}:${part}`)
}

/** The keys of a waiting room, in the order in which its scripts name them (`room/scripts/_room.lua`). */
const ROOM_PARTS = ['meta', 'places', 'gone', 'chunks', 'door', 'seen', 'turns', 'passes', 'revoked'] as const

/** As those of a partition; a sale of the same name has numbers where a room has its word. */
export function roomKeys(prefix: string, room: string): string[] {
  const tag = `{${encodeURIComponent(prefix)}:${encodeURIComponent(room)}:room}`
  return ROOM_PARTS.map((part) => `${tag}:${part}`)
}
