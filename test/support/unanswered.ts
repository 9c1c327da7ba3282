import type { Redis } from 'ioredis'

/**
 * Commands that Redis has not answered yet, of the clients that are noted here. The clocks of tests
 * stand still meanwhile, whatever has sent them.
 */
export const unanswered = new Set<Promise<unknown>>()

/** Notes each command of this client until it has settled. */
export function noteCommands(client: Redis): Redis {
  const send = client.sendCommand.bind(client)
  client.sendCommand = (command, ...rest) => {
    const { promise } = command
    const over = () => void unanswered.delete(promise)
    unanswered.add(promise)
    promise.then(over, over)
    return send(command, ...rest)
  }
  return client
}
