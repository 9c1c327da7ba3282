import type { Redis } from 'ioredis'

const REPLACE = `
for i = 1, ARGV[1] do
  for _, key in ipairs(redis.call('KEYS', ARGV[1 + i])) do redis.call('DEL', key) end
end
for i = 2 + ARGV[1], #ARGV, 2 do redis.call('RESTORE', ARGV[i], 0, ARGV[i + 1]) end`

/** Puts copies in place of what Redis has by these patterns, in one step. */
async function replace(
  client: Redis,
  patterns: readonly string[],
  copies: readonly (readonly [key: string, dump: Buffer])[],
): Promise<void> {
  await client.eval(REPLACE, 0, patterns.length, ...patterns, ...copies.flat())
}

/**
 * Copies the keys of these patterns. The function that it returns puts the copy in place of what
 * Redis has then, in one step: a process that looked between two of them would find a sale that
 * never was.
 */
export async function snapshot(client: Redis, ...patterns: string[]): Promise<() => Promise<void>> {
  const keys = (await Promise.all(patterns.map((pattern) => client.keys(pattern)))).flat()
  const copies = await Promise.all(keys.map(async (key) => [key, (await client.dumpBuffer(key))!] as const))
  return () => replace(client, patterns, copies)
}

/** Redis loses the keys of this pattern, in one step: also one that a beat has just made. */
export async function drop(client: Redis, pattern: string): Promise<void> {
  await replace(client, [pattern], [])
}
