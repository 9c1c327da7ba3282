import { onTestFinished } from 'vitest'
import { joined } from '../../scripts/lib/joined.js'
import { WaitingRoom, type WaitingRoomOptions } from '../../src/index.js'
import { clockedMemory, type TestClock } from './test-clock.js'
import { SECRET, type SpiedEngine, spied } from './waiting-room.js'

/**
 * A waiting room over a memory engine. Its handles wait by a clock of the test, and a spy sees each
 * call of the room.
 */
export async function clockedRoom(
  options: Partial<WaitingRoomOptions> = {},
): Promise<{ clock: TestClock; spy: SpiedEngine; room: WaitingRoom }> {
  const { clock, engine } = await clockedMemory()
  const spy = spied(engine)
  const room = roomOn(spy, options)
  await room.create()
  return { clock, spy, room }
}

/** One more handle on the room, as another process would have it. */
export function roomOn(spy: SpiedEngine, options: Partial<WaitingRoomOptions> = {}): WaitingRoom {
  const room = new WaitingRoom('launch', { secret: SECRET, ratePerSecond: 1, ...options, engine: spy.engine })
  onTestFinished(() => room.close())
  return room
}

/** The tickets of so many visitors, `u1` first. */
export async function ticketsOf(room: WaitingRoom, visitors: number): Promise<string[]> {
  const all = await Promise.all(Array.from({ length: visitors }, (_, i) => joined(room.join(`u${i + 1}`))))
  return all.map(({ ticket }) => ticket)
}

/** Lets a buyer join and wait; answers the pass. */
export async function passOf(clock: TestClock, room: WaitingRoom, buyer: string): Promise<string> {
  const { ticket } = await joined(room.join(buyer))
  let told = await room.poll(ticket)
  while (told.status !== 'admitted') told = await clock.during(room.poll(ticket))
  return told.pass
}
