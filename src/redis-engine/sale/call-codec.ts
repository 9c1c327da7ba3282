import type { Call, LogOffset } from '../../engine/port.js'
import { iterate } from '../define-port.js'
import { Reader, type Writer } from '../msgpack.js'
import type { Details } from './record-codec.js'

/** The incarnation, with the part of the partition's history that the caller has seen. */
export function writeCaller({ incarnation, lastSeen, batchId, bypassFreeze }: Call, to: Writer): void {
  to.array(6)
  to.text(incarnation ?? '')
  to.integer(lastSeen?.generation ?? 0)
  to.integer(lastSeen?.sequence ?? 0)
  to.text(lastSeen?.batchId ?? '')
  to.text(batchId ?? '')
  to.integer(bypassFreeze ? 1 : 0)
}

export function writeOffset(offset: LogOffset | undefined, to: Writer): void {
  to.array(offset ? 3 : 0)
  if (!offset) return
  to.integer(offset.generation)
  to.integer(offset.sequence)
  to.text(offset.batchId)
}

/** The second value of a reply: see `concerns/partition.lua`. */
export function readHead(reply: unknown[], partition: number): Details {
  const packed = new Reader(reply[1] as Buffer)
  const now = packed.integer()
  const sequence = packed.integer()
  const epoch = packed.integer()
  const holdMs = packed.integer()
  const statuses = packed.raw()
  const generation = packed.integer()
  const offset = { generation, sequence, batchId: packed.text() }
  const ahead = packed.integer()
  const revision = packed.integer()
  const defaultHoldMs = packed.integer()
  return {
    partition,
    now,
    sequence,
    epoch,
    holdMs,
    revision,
    defaultHoldMs,
    statuses,
    generation,
    offset,
    ahead,
    next: iterate(reply, 2),
  }
}
