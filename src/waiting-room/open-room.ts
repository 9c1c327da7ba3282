import type { Engine } from '../engine/engine.js'
import { RoomClient } from './room-client.js'
import { WaitingRoom } from './waiting-room.js'

/**
 * Opens a waiting room that exists, by its id alone: its rules, and the sale whose stock limits it,
 * are read from the engine.
 *
 * @throws {StockholdError} `NOT_FOUND`, and as the methods of a room.
 */
export async function openRoom(
  id: string,
  options: { readonly engine: Engine; readonly secret: string; readonly deadlineMs: number },
): Promise<WaitingRoom> {
  const { engine, deadlineMs } = options
  // Only `create` uses the rate.
  const pace = { rate: 0, burst: 1 }
  const client = new RoomClient(id, engine, {
    ...{ stated: {}, pace, deadlineMs, maxInFlight: 1 },
    onSeen: () => {},
  })
  try {
    const { rules } = await client.learn(client.call())
    return new WaitingRoom(id, { ...options, ratePerSecond: 0, sale: rules.sale ?? undefined })
  } finally {
    client.close()
  }
}
