import { Redis } from 'ioredis'
import { afterAll, beforeAll } from 'vitest'
import { type RedisServer, startRedis } from '../../scripts/lib/servers/redis/server.js'

/**
 * A Redis of the file or of the `describe` that calls this, with a client: from before the first
 * test until after the last.
 */
export class OwnRedis {
  server!: RedisServer
  client!: Redis

  constructor(...options: Parameters<typeof startRedis>) {
    beforeAll(async () => {
      this.server = await startRedis(...options)
      this.client = new Redis(this.server.socket)
    })
    afterAll(async () => {
      this.client?.disconnect()
      await this.server?.stop()
    })
  }

  get url(): string {
    return this.server.url
  }
}
