import { Redis } from 'ioredis'
import { onTestFinished } from 'vitest'

/** Options of a client as its owner may set them. */
export interface ClientOptions {
  username?: string
  password?: string
  db?: number
  keyPrefix?: string
  stringNumbers?: boolean
  lazyConnect?: boolean
  enableAutoPipelining?: boolean
  enableOfflineQueue?: boolean
  enableReadyCheck?: boolean
  autoResendUnfulfilledCommands?: boolean
  maxRetriesPerRequest?: number
  commandTimeout?: number
  retryStrategy?: (times: number) => number
}

/** Waits until so many ms have passed by the clock of the server. */
export async function elapse(ms: number, client: Redis): Promise<void> {
  await client.set('elapsing', 1, 'PX', ms)
  while (await client.exists('elapsing')) await client.ping()
}

/** A client that ends with the test, and prints nothing when its server is away. */
export function connectTo(server: { host: string; port: number }, options: ClientOptions = {}): Redis {
  const client = new Redis({ ...options, host: server.host, port: server.port })
  client.on('error', () => {})
  onTestFinished(() => client.disconnect())
  return client
}
