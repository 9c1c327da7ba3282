import type { Call } from '../../engine/port.js'
import type { RoomAnswer, RoomCommand, RoomOp, RoomReply } from '../../engine/room.js'
import type { Writer } from '../msgpack.js'
import { encodeCall, iterate, refusalOf } from '../sale/wire.js'
import { type Parts, readRoomsOpened, roomCodecs, writeRooms } from './room-codec.js'

interface AnyCodec<C extends RoomCommand> {
  write(ops: readonly RoomOp<C>[], to: Writer): void
  read(ops: readonly RoomOp<C>[], from: Parts): RoomAnswer<C>[]
}

function codecOf<C extends RoomCommand>(command: C): AnyCodec<C> | undefined {
  return (roomCodecs as unknown as Record<string, AnyCodec<C>>)[command]
}

export function encodeRoom<C extends RoomCommand>(command: C, ops: readonly RoomOp<C>[], call: Call): Buffer {
  return encodeCall(call, (to) => {
    if (command === 'create') writeRooms(ops as readonly RoomOp<'create'>[], to)
    else codecOf(command)?.write(ops, to)
  })
}

export function decodeRoom<C extends RoomCommand>(
  command: C,
  ops: readonly RoomOp<C>[],
  reply: unknown[],
): RoomReply<C> {
  const refused = refusalOf(reply)
  if (refused) return refused
  const outcome = String(reply[0])
  const now = Number(reply[1])
  if (outcome === 'done') {
    const answers = codecOf(command)!.read(ops, { now, next: iterate(reply, 4) })
    return { outcome, now, clock: now - Number(reply[3]), sequence: Number(reply[2]), answers }
  }
  if (outcome === 'opened') {
    const answers = readRoomsOpened(reply) as RoomAnswer<C>[]
    return { outcome: 'done', now, clock: now - Number(reply[2]), sequence: 0, answers }
  }
  if (outcome !== 'described') throw new RangeError('the reply has an unknown shape')
  const [, , ahead, incarnation, rules, commitment] = reply.map(String)
  const answer = { status: outcome, incarnation, rules: JSON.parse(rules!), commitment } as RoomAnswer<C>
  return { outcome: 'done', now, clock: now - Number(ahead), sequence: 0, answers: ops.map(() => answer) }
}
