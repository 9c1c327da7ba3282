import { setImmediate } from 'node:timers/promises'
import { saleEffects } from '../engine/effects.js'
import type { Answer, Call, Command, Engine, Op, Partition, Reply } from '../engine/engine.js'
import type { GroupPort } from '../engine/groups.js'
import type { CommandMap, Port, Reply as ReplyOf } from '../engine/port.js'
import type { RoomPort } from '../engine/room.js'
import { invalid, StockholdError } from '../errors.js'
import { checkOptions } from '../validation.js'
import { executeGroupCommand } from './groups/execute.js'
import { incompatible } from './incompatible.js'
import { RoomMachine } from './room/room-machine.js'
import { confirm, extend, refund, release } from './sale/confirm-and-release.js'
import { control, create, rebuild, restock, stats, sweep } from './sale/operate.js'
import { PartitionState, type Step } from './sale/partition-state.js'
import { describe, events, get, scan } from './sale/read.js'
import { reserve } from './sale/reserve.js'
import { forgotSending, receive, send, transfers } from './sale/transfer-stock.js'
import { momentAt } from './time.js'

type Handlers = { readonly [C in Command]: (state: PartitionState, op: Op<C>, step: Step) => Answer<C> }

const handlers: Handlers = {
  create,
  describe,
  rebuild,
  reserve,
  confirm,
  release,
  extend,
  refund,
  get,
  restock,
  control,
  send,
  receive,
  transfers,
  stats,
  sweep,
  scan,
  events,
}

/**
 * An engine inside this process: its data ends with the process. `now`, epoch ms, replaces the
 * process' clock.
 */
export function memoryEngine(options: { now?: (() => number) | undefined } = {}): Engine {
  const { now = Date.now } = checkOptions(options, 'options', { now: true }) as { now?: () => number }
  if (typeof now !== 'function') throw invalid('now', 'must be a function')
  return new MemoryEngine(now, options.now ?? (() => performance.now()))
}

export class MemoryEngine implements Engine {
  readonly isLocal = true
  readonly elapsed: () => number
  readonly #clock: () => number
  /** By index and sale. */
  readonly partitions = new Map<string, PartitionState>()
  readonly rooms = new Map<string, RoomMachine>()
  #closed = false

  constructor(clock: () => number, elapsed: () => number) {
    this.#clock = () => {
      const now = clock()
      if (!Number.isFinite(now)) throw invalid('now', `must return a time in epoch ms, not ${now}`)
      return now
    }
    this.elapsed = elapsed
  }

  partition(sale: string, index: number): Partition {
    const state = this.#stateOf(sale, index)
    return this.#port((command, ops, call) => execute(state, command, ops, call, this.#clock()))
  }

  groups(sale: string, index: number): GroupPort {
    const state = this.#stateOf(sale, index)
    return this.#port((command, ops, call) => executeGroupCommand(state, command, ops, call, this.#clock()))
  }

  room(name: string): RoomPort {
    const room = this.rooms.get(name) ?? new RoomMachine(this.#clock)
    this.rooms.set(name, room)
    return this.#port((command, ops, call) => room.run(command, ops, call))
  }

  async close(): Promise<void> {
    this.#closed = true
  }

  #stateOf(sale: string, index: number): PartitionState {
    const name = `${index}:${sale}`
    const state = this.partitions.get(name) ?? new PartitionState(index)
    this.partitions.set(name, state)
    return state
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
) => ReplyOf<M[C]['answer']>

/** Executes one batch on one partition. `clock`: the time it shows, epoch ms. */
export function execute<C extends Command>(
  state: PartitionState,
  command: C,
  ops: readonly Op<C>[],
  call: Call,
  clock: number,
): Reply<C> {
  const makes = command === 'create' || command === 'rebuild'
  if (state.incarnation === null && !makes) return { outcome: 'missing', now: clock }
  const unread = incompatible(state, clock)
  if (unread) return unread
  if (state.incarnation !== null && call.incarnation !== null && call.incarnation !== state.incarnation)
    return { outcome: 'lost', now: clock }

  const reads = saleEffects[command] === 'reads'
  if (state.incarnation !== null && !makes && !call.bypassFreeze && isRolledBack(state, command, ops, call))
    return { outcome: 'rolled_back', now: clock }

  const moment = momentAt(clock, state.time, call.minTime)
  const step: Step = { ...moment, overdue: clock > call.deadline, bypassFreeze: call.bypassFreeze === true }
  const answers = ops.map((op) => {
    if (state.incarnation !== null && !reads) state.advance(step)
    return handlers[command](state, op, step)
  })
  state.events.close(call.batchId ?? '')
  return {
    outcome: 'done',
    now: step.now,
    clock,
    sequence: state.events.sequence,
    offset: state.offset,
    answers,
  }
}

/**
 * Whether the caller's `lastSeen` shows that history was lost; a command that may write then
 * freezes the partition for all callers.
 */
function isRolledBack<C extends Command>(
  state: PartitionState,
  command: C,
  ops: readonly Op<C>[],
  { lastSeen }: Call,
): boolean {
  const reads = saleEffects[command] === 'reads'
  const forgot = command === 'send' && (ops as readonly Op<'send'>[]).some((op) => forgotSending(state, op))
  if (!state.frozen && (forgot || (lastSeen && !state.remembers(lastSeen)))) {
    if (reads) return true
    state.freeze()
  }
  return state.frozen && !reads
}
