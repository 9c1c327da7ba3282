import type { Redis } from 'ioredis'
import { salePort } from '../../src/redis-engine/sale/sale-port.js'
import { SERVER_TIME } from '../../src/redis-engine/script.js'

/**
 * Has the client call the script that reads events by EVALSHA_RO. The server counts that command
 * apart, so the time of its calls can be told from the time of all other scripts.
 */
export function readOnlyEvents(client: Redis): void {
  const { sha } = salePort.compile(SERVER_TIME).events
  const send = client.sendCommand.bind(client)
  client.sendCommand = (command, stream) => {
    if (command.name === 'evalsha' && command.args[0] === sha) command.name = 'evalsha_ro'
    return send(command, stream)
  }
}
