import type { HandoffAnswer, HandoffCommand, HandoffOp, HandoffReply } from '../../engine/groups.js'
import type { Call } from '../../engine/port.js'
import { denied } from '../failure.js'
import type { Writer } from '../msgpack.js'
import { encodeCall, incompatible, iterate } from '../sale/wire.js'
import { handoffCodecs, type Parts } from './group-codec.js'

interface AnyCodec<C extends HandoffCommand> {
  write(ops: readonly HandoffOp<C>[], to: Writer): void
  read(ops: readonly HandoffOp<C>[], from: Parts): HandoffAnswer<C>[]
}

function codecOf<C extends HandoffCommand>(command: C): AnyCodec<C> {
  return handoffCodecs[command] as unknown as AnyCodec<C>
}

export function encodeHandoff<C extends HandoffCommand>(
  command: C,
  ops: readonly HandoffOp<C>[],
  call: Call,
): Buffer {
  return encodeCall(call, (to) => codecOf(command).write(ops, to))
}

export function decodeHandoff<C extends HandoffCommand>(
  command: C,
  ops: readonly HandoffOp<C>[],
  reply: unknown[],
): HandoffReply<C> {
  const outcome = String(reply[0])
  const now = Number(reply[1])
  if (outcome === 'missing' || outcome === 'lost') return { outcome, now }
  if (outcome === 'incompatible') return incompatible(reply)
  if (outcome === 'denied') throw denied(String(reply[2]))
  if (outcome !== 'done') throw new RangeError('the reply has an unknown shape')
  const statuses = reply[3] as Buffer
  if (statuses.length !== ops.length) throw new RangeError(`${command} answered other than it was asked`)
  const answers = codecOf(command).read(ops, { statuses, next: iterate(reply, 5) })
  return { outcome, now, clock: now - Number(reply[4]), sequence: Number(reply[2]), answers }
}
