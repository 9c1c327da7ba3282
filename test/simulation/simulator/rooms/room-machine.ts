import type { RoomCommands, RoomOp } from '../../../../src/engine/room.js'
import { RoomMachine as MemoryRoom } from '../../../../src/memory-engine/room/room-machine.js'
import type { Room } from '../../../../src/memory-engine/room/room-state.js'
import { seedCommitment } from '../../../../src/waiting-room/draw.js'
import type { Random } from '../random.js'
import type { Machine } from '../server.js'

/**
 * A waiting room at the simulated server, by the memory engine's state machine; it can be looked
 * into.
 */
export interface RoomMachine extends Machine<RoomCommands> {
  readonly room: Room | undefined
}

/** The seed of a draw is the run's own, so that the same run is drawn alike. */
export function roomMachine(clock: () => number, random: Random): RoomMachine {
  const machine = new MemoryRoom(clock)
  const seed = Array.from({ length: 8 }, () =>
    random
      .whole(0, 2 ** 31)
      .toString(16)
      .padStart(8, '0'),
  ).join('')
  const seeded = (op: RoomOp<'create'>) => ({ ...op, seed, commitment: seedCommitment(seed) })
  return {
    get room() {
      return machine.room
    },
    run(command, ops, call) {
      if (command !== 'create') return machine.run(command, ops, call)
      return machine.run(command, (ops as RoomOp<'create'>[]).map(seeded) as unknown as typeof ops, call)
    },
  }
}
