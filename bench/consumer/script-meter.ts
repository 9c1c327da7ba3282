import type { Redis } from 'ioredis'
import { type CommandUse, commandUse } from '../../scripts/lib/load/server-meter.js'

/**
 * Scripts and functions called since the server began. `reading`: calls of clients with
 * `readOnlyEvents`; `other`: all other calls.
 */
export async function readScripts(client: Redis): Promise<{ reading: CommandUse; other: CommandUse }> {
  const info = await client.info('commandstats')
  return {
    reading: commandUse(info, 'evalsha_ro', 'fcall_ro'),
    other: commandUse(info, 'evalsha', 'fcall'),
  }
}

export function since(before: CommandUse, after: CommandUse): CommandUse {
  return { calls: after.calls - before.calls, time: after.time - before.time }
}
