import type { Redis } from 'ioredis'
import { compileScripts } from '../../src/redis-engine/sale/sale-scripts.js'
import { SERVER_TIME } from '../../src/redis-engine/script.js'

/**
 * Has the script that reads events called by EVALSHA_RO, which does the same: so the server counts it by itself, and the time of its calls
 * can be told from that of all other scripts.
 */
export function readOnlyEvents(client: Redis): void {
  const { sha } = compileScripts(SERVER_TIME).events
  const send = client.sendCommand.bind(client)
  client.sendCommand = (command, stream) => {
    if (command.name === 'evalsha' && command.args[0] === sha) command.name = 'evalsha_ro'
    return send(command, stream)
  }
}
