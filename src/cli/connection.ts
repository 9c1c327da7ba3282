import { connect, type RedisClient } from '../redis-engine/connection.js'

/** The server cannot be reached, or cannot be verified. */
export class NotUsable extends Error {}

const PATIENCE_MS = 5_000

/** Host, port and database of a URL, never the password. */
export function addressOf(url: string): string {
  const { protocol, host, pathname } = new URL(url)
  return `${protocol}//${host}${pathname === '/' ? '' : pathname}`
}

/**
 * Returns a client that has received an answer from the server.
 *
 * @throws {NotUsable} with the reason, and what to do.
 */
export async function reach(url: string): Promise<RedisClient> {
  const address = addressOf(url)
  const client = connect(url)
  // A failed command only says that there is no connection. The client reports the reason to its
  // listeners.
  let why: Error | undefined
  client.on('error', (error: Error) => {
    why = error
  })
  let timer: NodeJS.Timeout | undefined
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${PATIENCE_MS / 1_000} s`)), PATIENCE_MS)
  })
  try {
    const info = await Promise.race([client.info('server'), silence])
    if (/^(redis|server)_mode:cluster/m.test(info)) throw new NotUsable(aboutCluster(address))
    return client
  } catch (error) {
    client.disconnect()
    if (error instanceof NotUsable) throw error
    throw new NotUsable(advice(address, why ?? (error as Error)))
  } finally {
    clearTimeout(timer)
  }
}

function advice(address: string, { message }: Error): string {
  if (/^(NOAUTH|WRONGPASS)|invalid password|invalid username/.test(message))
    return `${address} refuses the login. Give the user and the password in the URL: redis://user:password@host:port`
  if (/^NOPERM/.test(message))
    return `${address}: the user needs INFO, EVAL, EVALSHA, and all keys below the prefix; UNLINK to clean up`
  const reason = message.replace(/\/\/[^@/\s]*@/g, '//').slice(0, 200)
  return `${address} cannot be reached: ${reason}. Is it up, and is the URL right?`
}

function aboutCluster(address: string): string {
  return [
    `${address} is a node of a Redis Cluster, and this program speaks to a single server.`,
    'From your tests, checkNoOversell of stockhold/testing takes an engine on a Cluster client.',
  ].join('\n')
}
