import type { Answer, Call, Command, Op, Reply } from '../../engine/engine.js'
import type { Incompatible } from '../../engine/port.js'
import { denied } from '../failure.js'
import { Writer } from '../msgpack.js'
import { codecs } from './codec.js'
import { readOpened, writeSales } from './opening-codec.js'
import type { Codec } from './record-codec.js'

const writer = new Writer()

/** The argument of a script: what every call carries, then what `write` adds. */
export function encodeCall(call: Call, write: (to: Writer) => void, caller = writeToken): Buffer {
  return writer.pack(() => {
    caller(call, writer)
    writer.integer(Math.max(0, Math.floor(call.deadline)))
    writer.integer(Math.max(0, Math.floor(call.minTime)))
    write(writer)
  })
}

function writeToken({ incarnation }: Call, to: Writer): void {
  to.text(incarnation ?? '')
}

/** The token, with what the caller has seen of the partition's history. */
function writeCaller({ incarnation, lastSeen, batchId, bypassFreeze }: Call, to: Writer): void {
  to.array(6)
  to.text(incarnation ?? '')
  to.integer(lastSeen?.generation ?? 0)
  to.integer(lastSeen?.sequence ?? 0)
  to.text(lastSeen?.batchId ?? '')
  to.text(batchId ?? '')
  to.integer(bypassFreeze ? 1 : 0)
}

/** These open a partition, or make it: they know nothing of its history. */
const opening: ReadonlySet<Command> = new Set(['create', 'describe', 'rebuild'])

export function encode<C extends Command>(
  partition: number,
  command: C,
  ops: readonly Op<C>[],
  call: Call,
): Buffer {
  const write = (to: Writer) => {
    if (command === 'create' || command === 'rebuild')
      writeSales(partition, ops as readonly Op<'create'>[], to)
    else codecOf(command)?.write(ops, to)
  }
  return encodeCall(call, write, opening.has(command) ? writeToken : writeCaller)
}

function codecOf<C extends Command>(command: C): Codec<C> | undefined {
  return (codecs as unknown as Record<string, Codec<C>>)[command]
}

export function decode<C extends Command>(
  partition: number,
  command: C,
  ops: readonly Op<C>[],
  reply: unknown[],
): Reply<C> {
  const refused = refusalOf(reply)
  if (refused) return refused
  const outcome = String(reply[0])
  const now = Number(reply[1])
  if (outcome === 'rolled_back') return { outcome, now }
  if (outcome === 'done') {
    const details = {
      partition,
      now,
      sequence: Number(reply[2]),
      epoch: Number(reply[3]),
      holdMs: Number(reply[4]),
      statuses: reply[5] as Buffer,
      generation: Number(reply[6]),
      next: iterate(reply, 9),
    }
    const offset = { generation: details.generation, sequence: details.sequence, batchId: String(reply[7]) }
    if (details.statuses.length !== ops.length)
      throw new RangeError(`${command} answered other than it was asked`)
    const clock = now - Number(reply[8])
    const answers = codecOf(command)!.read(ops, details)
    return { outcome, now, clock, sequence: details.sequence, offset, answers }
  }
  if (outcome === 'opened') {
    return {
      outcome: 'done',
      now,
      clock: now - Number(reply[2]),
      sequence: 0,
      answers: readOpened(command as 'create' | 'rebuild', reply) as Answer<C>[],
    }
  }
  if (outcome !== 'described') throw new RangeError('the reply has an unknown shape')
  const answer = {
    status: outcome,
    incarnation: String(reply[3]),
    rules: JSON.parse(String(reply[4])),
    complete: reply[5] === 1,
  } as Answer<C>
  return { outcome: 'done', now, clock: now - Number(reply[2]), sequence: 0, answers: ops.map(() => answer) }
}

/** A reply of a batch that was not executed; throws for one that the server denies. */
export function refusalOf(
  reply: unknown[],
): Incompatible | { outcome: 'missing' | 'lost'; now: number } | undefined {
  const outcome = String(reply[0])
  if (outcome === 'missing' || outcome === 'lost') return { outcome, now: Number(reply[1]) }
  if (outcome === 'incompatible') return incompatible(reply)
  if (outcome === 'denied') throw denied(String(reply[2]))
  return undefined
}

/** Reads `incompatible, now, layout` and, of the groups of a sale, `groups`. What has no number tells something else first. */
function incompatible([, now, layout, part]: unknown[]): Incompatible {
  return {
    outcome: 'incompatible',
    now: Number(now),
    layout: typeof layout === 'number' ? layout : 0,
    part: part === undefined ? 'itself' : 'groups',
  }
}

export function iterate(reply: unknown[], from: number): () => unknown {
  let at = from
  return () => {
    if (at >= reply.length) throw new RangeError('the reply ends early')
    return reply[at++]
  }
}
