import { Redis } from 'ioredis'
import { redact } from '../../redact.js'

/** Opens a connection for `use` that fails at once if there is no server. */
export async function withRedis<T>(url: string, use: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(url, {
    lazyConnect: true,
    connectTimeout: 5_000,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  })
  // The fault of the connection: the command itself only says that the connection is closed.
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

/** Deletes all keys that contain this prefix; a key may begin with the brace of its hash tag. */
export async function deleteKeys(url: string, prefix: string): Promise<void> {
  await withRedis(url, async (client) => {
    for await (const keys of client.scanStream({ match: `*${prefix}*`, count: 1_000 })) {
      if (keys.length > 0) await client.unlink(...(keys as string[]))
    }
  })
}
