import type { Engine } from '../../../../src/engine/engine.js'
import type { Fault } from '../faults.js'
import type { SimulatedProcess } from '../process.js'
import type { Random } from '../random.js'
import type { RoomMachine } from './room-machine.js'

/** A bug, put between what is simulated and what it stands on: to see that it is found. */
export interface InjectedRoomBug {
  /** At the server. */
  machine?(machine: RoomMachine): RoomMachine
  /** In each process. */
  engine?(engine: Engine, process: SimulatedProcess, random: Random): Engine
}

export interface RoomWorldOptions {
  readonly seed: number
  readonly injected: Map<Fault, number>
  readonly bug?: InjectedRoomBug | undefined
  readonly watch: boolean
  /** Whether the room has tiers. */
  readonly tiers?: boolean | undefined
  readonly trace?: ((line: string) => void) | undefined
}
