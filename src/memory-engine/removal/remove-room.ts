import type { ListedRoomState, RoomRemovalCommands } from '../../engine/removal.js'
import { answering, retry } from '../answering.js'
import type { Room } from '../room/room-state.js'
import { momentAt } from '../time.js'

/**
 * @param room The room, if there is one.
 * @param erase Forgets it.
 */
export function roomRemoval(room: () => Room | undefined, erase: () => void) {
  return answering<RoomRemovalCommands>({
    inspect: (_, { now, minTime }) => {
      const found = room()
      if (!found) return { status: 'nothing' }
      const state = stateOf(found, momentAt(now, found.time, minTime).now)
      return { status: 'found', incarnation: found.incarnation, state }
    },
    erase: ({ incarnation }, { overdue }) => {
      if (room()?.incarnation !== incarnation) return { status: 'gone' }
      if (overdue) return retry
      erase()
      return { status: 'erased' }
    },
  })
}

function stateOf(room: Room, now: number): ListedRoomState {
  const { stock, paused } = room
  if (stock?.state === 'sold_out' || stock?.state === 'ended') return stock.state
  if (!room.opened(now)) return 'not_open'
  return paused ? 'paused' : 'open'
}
