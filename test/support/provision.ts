import { redisServerBinary } from '../../scripts/lib/servers/redis/provision.js'

/** Once before all files: brings a real Redis, or ends the run with what to install. */
export default async function setup(): Promise<void> {
  await redisServerBinary({ log: console.log })
}
