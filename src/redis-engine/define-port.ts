import type { Effects } from '../engine/effects.js'
import type { Call, CommandMap, LogOffset, Reply, Retry } from '../engine/port.js'
import { assemble, type Concerns, scriptOf } from './assemble.js'
import lists from './concerns/lists.lua'
import rights from './concerns/rights.lua'
import time from './concerns/time.lua'
import { denied } from './failure.js'
import type { LibraryFunction } from './function-library.js'
import { Writer } from './msgpack.js'
import { compile, type Flags, flagOf, type Script } from './script.js'

/** The details of a reply, after its head. */
export interface Details {
  readonly now: number
  /** The next detail. */
  next(): unknown
}

/** The values of a reply that come before its details. */
export interface Head extends Details {
  /** How far `now` is ahead of the server's clock. ms */
  readonly ahead: number
  readonly sequence: number
  readonly offset?: LogOffset | undefined
  readonly revision?: number | undefined
  /** One letter for each item, as character codes; for ports whose commands all answer so. */
  readonly statuses?: Buffer | undefined
}

/**
 * Encodes the items of a command, after the values that every call carries, and decodes its
 * answers.
 */
export interface Codec<O, A, D> {
  encode(ops: readonly O[], to: Writer, partition: number): void
  decode(ops: readonly O[], from: D): A[]
}

/** One command: its script with the flags, and its codec. */
type Definition<O, A, D> = Flags & { readonly script: string } & (
    | (Codec<O, A, D> & { readonly opens?: undefined })
    /**
     * The command creates or finds the data of the others: its calls and replies carry no history.
     */
    | (Codec<O, A, Details> & { readonly opens: true })
  )

/** Commands of a port, by name. */
export type Definitions<M extends CommandMap<M>, D> = {
  readonly [C in keyof M]: Definition<M[C]['op'], M[C]['answer'], D>
}

/** The parts that the commands of a port share, and each command. */
export interface PortDefinition<M extends CommandMap<M>, D extends Head> {
  readonly name:
    | 'sale'
    | 'groups'
    | 'room'
    | 'index'
    | 'removal'
    | 'room_removal'
    | 'operations_log'
    | 'heartbeat'
  readonly effects: Effects<M>
  /** The texts that the scripts can include, by file name. */
  readonly concerns: Concerns
  /**
   * Writes the caller's values if there are more than the incarnation: the part of the history it
   *   has seen.
   */
  readonly writeCaller?: (call: Call, to: Writer) => void
  readonly readHead: (reply: unknown[], partition: number) => D
  readonly commands: Definitions<M, D>
}

/** A port as Redis scripts and their arguments. */
export interface RedisPort<M extends CommandMap<M>> {
  /** Its commands as functions of the library. */
  readonly functions: readonly LibraryFunction[]
  /** @param clock A Lua expression for the server's time. */
  compile(clock: string): { readonly [C in keyof M]: Script }
  /** The argument of a script. */
  encode<C extends keyof M>(command: C, ops: readonly M[C]['op'][], call: Call, partition?: number): Buffer
  decode<C extends keyof M>(
    command: C,
    ops: readonly M[C]['op'][],
    reply: unknown[],
    partition?: number,
  ): Reply<M[C]['answer']>
}

const writer = new Writer()

export function definePort<M extends CommandMap<M>, D extends Head>(
  definition: PortDefinition<M, D>,
): RedisPort<M> {
  const { effects, concerns, writeCaller = writeIncarnation, readHead, commands } = definition
  const known = { ...concerns, lists, rights, time }
  const functions = (Object.keys(commands) as (keyof M & string)[]).map((command) => ({
    command,
    name: `${definition.name}_${command}`,
    assembled: assemble(commands[command].script, known),
    flags: flagOf(effects[command], commands[command].flags),
  }))
  return {
    functions,
    compile: (clock) =>
      Object.fromEntries(
        functions.map(({ command, name, assembled }) => [
          command,
          compile(name, scriptOf(assembled), clock, effects[command], commands[command]),
        ]),
      ) as { [C in keyof M]: Script },

    encode: (command, ops, call, partition = 0) =>
      writer.pack(() => {
        const { opens, encode } = commands[command]
        if (opens) writeIncarnation(call, writer)
        else writeCaller(call, writer)
        writer.integer(Math.max(0, Math.floor(call.deadline)))
        writer.integer(Math.max(0, Math.floor(call.minTime)))
        encode(ops, writer, partition)
      }),

    decode(command, ops, reply, partition = 0) {
      const one = commands[command]
      if (one.opens || String(reply[0]) !== 'done') return decodeOther(command, ops, reply)
      const head = readHead(reply, partition)
      const { now, ahead, sequence, offset, revision, statuses } = head
      if (statuses && statuses.length !== ops.length)
        throw new RangeError(`${String(command)} answered other than it was asked`)
      const answers = one.decode(ops, head)
      const clock = now - ahead
      return offset && revision !== undefined
        ? { outcome: 'done', now, clock, sequence, offset, revision, answers }
        : { outcome: 'done', now, clock, sequence, answers }
    },
  }

  function decodeOther<C extends keyof M>(
    command: C,
    ops: readonly M[C]['op'][],
    reply: unknown[],
  ): Reply<M[C]['answer']> {
    const one = commands[command]
    const outcome = String(reply[0])
    const now = Number(reply[1])
    if (outcome === 'missing' || outcome === 'lost') return { outcome, now }
    if (outcome === 'rolled_back' && definition.writeCaller) return { outcome, now }
    if (outcome === 'incompatible') return { outcome, now, ...layoutOf(reply) }
    if (outcome === 'denied') throw denied(String(reply[2]))
    if (!one.opens || (outcome !== 'opened' && outcome !== 'described'))
      throw new RangeError('the reply has an unknown shape')
    const answers = one.decode(ops, { now, next: iterate(reply, 3) })
    return { outcome: 'done', now, clock: now - Number(reply[2]), sequence: 0, answers }
  }
}

function writeIncarnation({ incarnation }: Call, to: Writer): void {
  to.text(incarnation ?? '')
}

/**
 * Decodes `incompatible, now, layout` and, for the groups of a sale, `groups`. A reply without a
 * layout number has another outcome first.
 */
function layoutOf([, , layout, part]: unknown[]): { layout: number; part: 'itself' | 'groups' } {
  return {
    layout: typeof layout === 'number' ? layout : 0,
    part: part === undefined ? 'itself' : 'groups',
  }
}

/** Returns the parts of a reply from an index on, one after another. */
export function iterate(reply: readonly unknown[], from: number): () => unknown {
  let at = from
  return () => {
    if (at >= reply.length) throw new RangeError('the reply ends early')
    return reply[at++]
  }
}

/** Answers each item by its letter; `T` is `retry` in every command. */
export function byLetter<O, A>(
  command: string,
  ops: readonly O[],
  letters: string,
  answers: Readonly<Record<string, (op: O, i: number) => NoInfer<A>>>,
): A[] {
  return ops.map((op, i) => {
    const letter = letters[i]!
    if (letter === 'T') return RETRY as A
    const answer = answers[letter]
    if (!answer) throw new RangeError(`${command} answered the unknown status ${letter}`)
    return answer(op, i)
  })
}

/**
 * The answers of `create`.
 *
 * @param described The description of the existing sale or room, by the index of the item.
 */
export function byCreation<O, A>(ops: readonly O[], letters: string, described: (i: number) => object): A[] {
  const answer = (status: string) => (_: O, i: number) => ({ status, ...described(i) }) as A
  const answers = { C: answer('created'), X: answer('exists'), N: answer('conflict') }
  return byLetter('create', ops, letters, answers)
}

export const RETRY: Retry = { status: 'retry' }
