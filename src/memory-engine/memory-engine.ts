import { setImmediate } from 'node:timers/promises'
import type { Engine, Partition } from '../engine/engine.js'
import type { GroupPort } from '../engine/groups.js'
import type { HeartbeatPort } from '../engine/heartbeat.js'
import { ListingEngine } from '../engine/listing.js'
import type { OperationsLogPort } from '../engine/operations-log.js'
import type { Call, CommandMap, Port, Reply } from '../engine/port.js'
import type { Lifecycle } from '../engine/removal.js'
import type { RoomPort } from '../engine/room.js'
import { invalid, StockholdError } from '../errors.js'
import { checkOptions } from '../validation.js'
import { executeGroupCommand } from './groups/group-commands.js'
import { HeartbeatState } from './heartbeat/heartbeat-state.js'
import { incompatible } from './incompatible.js'
import { OperationsLog } from './operations-log.js'
import { partitionRemoval } from './removal/remove-partition.js'
import { roomRemoval } from './removal/remove-room.js'
import { SaleIndex } from './removal/sale-index.js'
import { RoomMachine } from './room/room-machine.js'
import { PartitionState } from './sale/partition-state.js'
import { executeSaleCommand } from './sale/sale-commands.js'

/**
 * An engine inside this process: its data ends with the process. `now`, epoch ms, replaces the
 * process' clock.
 */
export function memoryEngine(options: { now?: (() => number) | undefined } = {}): Engine {
  const { now = Date.now } = checkOptions(options, 'options', { now: true }) as { now?: () => number }
  if (typeof now !== 'function') throw invalid('now', 'must be a function')
  return new MemoryEngine(now, options.now ?? (() => performance.now()))
}

export class MemoryEngine extends ListingEngine implements Engine {
  readonly isLocal = true
  readonly elapsed: () => number
  readonly #clock: () => number
  /** By index and sale. */
  readonly partitions = new Map<string, PartitionState>()
  readonly machines = new Map<string, RoomMachine>()
  /** What the processes tell each other. */
  heartbeats = new HeartbeatState()
  readonly lifecycle: Lifecycle
  readonly operationsLog: OperationsLogPort
  readonly heartbeat: HeartbeatPort
  /** All sales and rooms that were created. */
  index = new SaleIndex()
  readonly #log = new OperationsLog()
  #closed = false

  constructor(clock: () => number, elapsed: () => number) {
    super()
    this.#clock = () => {
      const now = clock()
      if (!Number.isFinite(now)) throw invalid('now', `must return a time in epoch ms, not ${now}`)
      return now
    }
    this.elapsed = elapsed
    this.operationsLog = this.#port((command, ops, call) => this.#log.run(command, ops, call, this.#clock()))
    this.heartbeat = this.#port((command, ops, call) =>
      this.heartbeats.run(command, ops, call, this.#clock()),
    )
    this.lifecycle = {
      index: this.#port((command, ops, call) => this.index.run(command, ops, call, this.#clock())),
      partition: (sale, index) => {
        const erase = () => this.partitions.delete(nameOf(sale, index))
        const run = partitionRemoval(() => this.#stateOf(sale, index), erase)
        return this.#port(
          (command, ops, call) =>
            incompatible(this.#stateOf(sale, index), this.#clock()) ?? run(command, ops, call, this.#clock()),
        )
      },
      room: (name) => {
        const room = () => this.#machineOf(name).room
        const run = roomRemoval(room, () => this.machines.delete(name))
        return this.#port((command, ops, call) => {
          const now = this.#clock()
          return incompatible(room(), now) ?? run(command, ops, call, now)
        })
      },
    }
  }

  partition(sale: string, index: number): Partition {
    return this.#port((command, ops, call) =>
      executeSaleCommand(this.#stateOf(sale, index), command, ops, call, this.#clock()),
    )
  }

  groups(sale: string, index: number): GroupPort {
    return this.#port((command, ops, call) =>
      executeGroupCommand(this.#stateOf(sale, index), command, ops, call, this.#clock()),
    )
  }

  room(name: string): RoomPort {
    return this.#port((command, ops, call) => this.#machineOf(name).run(command, ops, call))
  }

  async close(): Promise<void> {
    this.#closed = true
  }

  #stateOf(sale: string, index: number): PartitionState {
    const name = nameOf(sale, index)
    const state = this.partitions.get(name) ?? new PartitionState(index)
    this.partitions.set(name, state)
    return state
  }

  #machineOf(name: string): RoomMachine {
    const machine = this.machines.get(name) ?? new RoomMachine(this.#clock)
    this.machines.set(name, machine)
    return machine
  }

  #port<M extends CommandMap<M>>(run: Run<M>): Port<M> {
    return {
      ready: () => undefined,
      run: async (command, ops, call) => {
        if (this.#closed) throw new StockholdError('CLOSED', 'the engine is closed')
        const reply = run(command, ops, call)
        // Answers come in a later turn of the event loop, as a server's do: callers that loop must
        // not starve timers.
        await setImmediate()
        return reply
      },
    }
  }
}

/** Executes a batch of a port at once. */
type Run<M extends CommandMap<M>> = <C extends keyof M>(
  command: C,
  ops: readonly M[C]['op'][],
  call: Call,
) => Reply<M[C]['answer']>

/** The name of a partition in {@link MemoryEngine.partitions}. */
function nameOf(sale: string, index: number): string {
  return `${index}:${sale}`
}
