import type { Redis } from 'ioredis'

/** Calls of scripts since the server began. */
export interface Scripts {
  readonly calls: number
  /** Of the server, in µs. */
  readonly time: number
}

/** `reading`: calls of clients with `readOnlyEvents`; `other`: all other calls of scripts. */
export async function readScripts(client: Redis): Promise<{ reading: Scripts; other: Scripts }> {
  const text = await client.info('commandstats')
  const of = (name: string) => {
    const [, calls, time] = new RegExp(`^cmdstat_${name}:calls=(\\d+),usec=(\\d+)`, 'm').exec(text) ?? []
    return { calls: Number(calls ?? 0), time: Number(time ?? 0) }
  }
  return { reading: of('fcall_ro'), other: of('fcall') }
}

export function since(before: Scripts, after: Scripts): Scripts {
  return { calls: after.calls - before.calls, time: after.time - before.time }
}
