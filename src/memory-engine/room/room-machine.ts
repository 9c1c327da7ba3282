import type { Call } from '../../engine/port.js'
import type { RoomAnswer, RoomCommand, RoomOp, RoomReply } from '../../engine/room.js'
import { incompatible } from '../incompatible.js'
import { momentAt, NEVER } from '../time.js'
import { control, describe, update } from './control.js'
import { block, join, leave, revoke, spend } from './join-and-leave.js'
import { Room, retry, type Step } from './room-state.js'
import { tend } from './tend.js'
import { transfer } from './transfer.js'

type OnRoom = Exclude<RoomCommand, 'create'>
type Handlers = { readonly [C in OnRoom]: (room: Room, op: RoomOp<C>, step: Step) => RoomAnswer<C> }

const handlers: Handlers = { describe, update, join, tend, leave, revoke, block, transfer, spend, control }

/** A waiting room as a state machine: empty until it is created. */
export class RoomMachine {
  readonly #clock: () => number
  #room: Room | undefined

  /** @param clock Epoch ms. */
  constructor(clock: () => number) {
    this.#clock = clock
  }

  get room(): Room | undefined {
    return this.#room
  }

  run<C extends RoomCommand>(command: C, ops: readonly RoomOp<C>[], call: Call): RoomReply<C> {
    const room = this.#room
    const clock = this.#clock()
    if (!room && command !== 'create') return { outcome: 'missing', now: clock }
    const unread = room && incompatible(room, clock)
    if (unread) return unread
    if (room && call.incarnation !== null && call.incarnation !== room.incarnation)
      return { outcome: 'lost', now: clock }
    const step: Step = {
      ...momentAt(clock, room?.time ?? NEVER, call.minTime),
      overdue: clock > call.deadline,
    }
    room?.begin(step)
    const answers = ops.map((op) =>
      command === 'create'
        ? this.#create(op as RoomOp<'create'>, step)
        : handlers[command as OnRoom](room!, op as never, step),
    ) as RoomAnswer<C>[]
    return { outcome: 'done', now: step.now, clock, sequence: this.#room?.tiers.tail ?? 0, answers }
  }

  #create(op: RoomOp<'create'>, step: Step): RoomAnswer<'create'> {
    if (this.#room) {
      const { created: rules, incarnation, commitment } = this.#room
      const same = JSON.stringify(rules) === JSON.stringify(op.rules)
      return { status: same ? 'exists' : 'conflict', incarnation, commitment }
    }
    if (step.overdue) return retry
    this.#room = new Room(op, step)
    return { status: 'created', incarnation: op.incarnation, commitment: op.commitment }
  }
}
