import type { GroupAnswer, GroupCommand, GroupOp, GroupReply } from '../../engine/groups.js'
import type { Call } from '../../engine/port.js'
import type { Writer } from '../msgpack.js'
import { encodeCall, iterate, refusalOf } from '../sale/wire.js'
import { groupCodecs, type Parts } from './group-codec.js'

interface AnyCodec<C extends GroupCommand> {
  write(ops: readonly GroupOp<C>[], to: Writer): void
  read(ops: readonly GroupOp<C>[], from: Parts): GroupAnswer<C>[]
}

function codecOf<C extends GroupCommand>(command: C): AnyCodec<C> {
  return groupCodecs[command] as unknown as AnyCodec<C>
}

export function encodeGroupCall<C extends GroupCommand>(
  command: C,
  ops: readonly GroupOp<C>[],
  call: Call,
): Buffer {
  return encodeCall(call, (to) => codecOf(command).write(ops, to))
}

export function decodeGroupReply<C extends GroupCommand>(
  command: C,
  ops: readonly GroupOp<C>[],
  reply: unknown[],
): GroupReply<C> {
  const refused = refusalOf(reply)
  if (refused) return refused
  const outcome = String(reply[0])
  const now = Number(reply[1])
  if (outcome !== 'done') throw new RangeError('the reply has an unknown shape')
  const statuses = reply[3] as Buffer
  if (statuses.length !== ops.length) throw new RangeError(`${command} answered other than it was asked`)
  const answers = codecOf(command).read(ops, { statuses, next: iterate(reply, 5) })
  return { outcome, now, clock: now - Number(reply[4]), sequence: Number(reply[2]), answers }
}
