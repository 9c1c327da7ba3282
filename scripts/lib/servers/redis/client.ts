import { Redis } from 'ioredis'
import { redact } from '../../redact.js'

/** Does something with a connection of its own that gives up instead of waiting for a server that is not there. */
export async function withRedis<T>(url: string, use: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(url, {
    lazyConnect: true,
    connectTimeout: 5_000,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  })
  // What went wrong with the connection; what the command then says is only that it is closed.
  let fault: Error | undefined
  client.on('error', (error) => {
    fault = error
  })
  try {
    await client.connect()
    return await use(client)
  } catch (error) {
    throw new Error(`Redis at ${redact(url)}: ${redact((fault ?? (error as Error)).message)}`)
  } finally {
    client.disconnect()
  }
}

/** Deletes all keys with this in them, whatever stands before it: the hash tag of a key begins with a brace. */
export async function deleteKeys(url: string, prefix: string): Promise<void> {
  await withRedis(url, async (client) => {
    for await (const keys of client.scanStream({ match: `*${prefix}*`, count: 1_000 })) {
      if (keys.length > 0) await client.unlink(...(keys as string[]))
    }
  })
}
