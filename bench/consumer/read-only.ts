import type { Redis } from 'ioredis'

/**
 * Has the client call the function that reads events by FCALL_RO. The server counts that command
 * apart, so the time of its calls can be told from the time of all other scripts.
 */
export function readOnlyEvents(client: Redis): void {
  const send = client.sendCommand.bind(client)
  client.sendCommand = (command, stream) => {
    if (command.name === 'fcall' && String(command.args[0]).endsWith('_sale_events'))
      command.name = 'fcall_ro'
    return send(command, stream)
  }
}
