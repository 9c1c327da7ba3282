import { createHash } from 'node:crypto'
import type { Command } from '../engine/engine.js'
import { LAYOUT } from '../engine/layout.js'
import buckets from './sale/scripts/_buckets.lua'
import changes from './sale/scripts/_changes.lua'
import commit from './sale/scripts/_commit.lua'
import decide from './sale/scripts/_decide.lua'
import entries from './sale/scripts/_entries.lua'
import events from './sale/scripts/_events.lua'
import expiry from './sale/scripts/_expiry.lua'
import fields from './sale/scripts/_fields.lua'
import lapsing from './sale/scripts/_lapsing.lua'
import late from './sale/scripts/_late.lua'
import moves from './sale/scripts/_moves.lua'
import partition from './sale/scripts/_partition.lua'
import reads from './sale/scripts/_reads.lua'
import records from './sale/scripts/_records.lua'
import refundDue from './sale/scripts/_refund_due.lua'
import reply from './sale/scripts/_reply.lua'
import reserving from './sale/scripts/_reserving.lua'
import rights from './sale/scripts/_rights.lua'
import settle from './sale/scripts/_settle.lua'
import state from './sale/scripts/_state.lua'
import stock from './sale/scripts/_stock.lua'
import sweepAll from './sale/scripts/_sweep_all.lua'
import sweeping from './sale/scripts/_sweeping.lua'
import taking from './sale/scripts/_taking.lua'
import moving from './sale/scripts/_transfers.lua'
import types from './sale/scripts/_types.lua'
import units from './sale/scripts/_units.lua'
import writes from './sale/scripts/_writes.lua'
import confirm from './sale/scripts/confirm.lua'
import control from './sale/scripts/control.lua'
import create from './sale/scripts/create.lua'
import describe from './sale/scripts/describe.lua'
import readEvents from './sale/scripts/events.lua'
import extend from './sale/scripts/extend.lua'
import get from './sale/scripts/get.lua'
import rebuild from './sale/scripts/rebuild.lua'
import receive from './sale/scripts/receive.lua'
import refund from './sale/scripts/refund.lua'
import release from './sale/scripts/release.lua'
import reserve from './sale/scripts/reserve.lua'
import restock from './sale/scripts/restock.lua'
import scan from './sale/scripts/scan.lua'
import send from './sale/scripts/send.lua'
import stats from './sale/scripts/stats.lua'
import sweep from './sale/scripts/sweep.lua'
import transfers from './sale/scripts/transfers.lua'
import packAll from './scripts/_pack_all.lua'
import pieces from './scripts/_pieces.lua'
import time from './scripts/_time.lua'

/** A script as Redis knows it: by the SHA-1 of its text, so two versions of this library never meet in one. */
export interface Script {
  readonly text: string
  readonly sha: string
  readonly writes: boolean
  /** Its answer tells callers or consumers what has happened, so it must be as durable as that. */
  readonly tells: boolean
}

/** What reads only. */
const reading = [time, partition, reads, pieces, fields, reply]
/** What may write: what every such command needs, and what few calls of it do. */
const writing = [
  time,
  partition,
  pieces,
  writes,
  fields,
  stock,
  types,
  events,
  buckets,
  expiry,
  reply,
  commit,
]
const changing = [moves, units, records, changes, lapsing]
const sweeps = [entries, sweeping]
const settling = [...writing, ...changing, settle]

/**
 * Parts as the insides of a function `rare` that makes what is named there, for whoever comes to need it; once a call. To make the functions of
 * a script is most of what a small call costs, and they are made again by every call.
 */
export function rarely(made: string, ...parts: readonly string[]): string {
  return `local function rare()\n${parts.join('\n')}\nreturn ${made}\nend`
}
const sweeper = [rarely('sweep_some', ...changing, ...sweeps), sweepAll]

/**
 * What gives stock back must work while Redis is over `maxmemory`; `no-writes` lets a script run where writing is refused.
 * https://redis.io/docs/latest/develop/programmability/lua-api/#script_flags
 */
const sources: Record<Command, Source> = {
  create: { flags: '', parts: [time, rights, pieces, create] },
  describe: { flags: 'no-writes', parts: [time, rights, describe] },
  rebuild: { flags: '', parts: [time, rights, pieces, rebuild] },
  reserve: {
    flags: '',
    parts: [
      ...writing,
      state,
      reserving,
      rarely('decide, sweep_some', ...changing, ...sweeps, taking, decide),
      reserve,
    ],
  },
  confirm: {
    flags: 'allow-oom',
    parts: [...settling, refundDue, rarely('confirm_late', state, ...sweeps, taking, late), confirm],
  },
  release: { flags: 'allow-oom', parts: [...settling, release] },
  extend: { flags: 'allow-oom', parts: [...settling, extend] },
  refund: { flags: 'allow-oom', parts: [...settling, refund] },
  get: { flags: 'no-writes', tells: true, parts: [...reading, buckets, records, get] },
  restock: {
    flags: 'allow-oom',
    parts: [...writing, moves, rarely('available_units', ...changing, ...sweeps), restock],
  },
  control: { flags: 'allow-oom', parts: [...writing, state, control] },
  send: { flags: 'allow-oom', parts: [...writing, moves, units, moving, ...sweeper, send] },
  receive: { flags: 'allow-oom', parts: [...writing, moves, units, moving, receive] },
  transfers: { flags: 'no-writes', parts: [...reading, transfers] },
  stats: { flags: 'allow-oom', parts: [...writing, state, ...sweeper, stats] },
  sweep: { flags: 'allow-oom', parts: [...writing, ...sweeper, sweep] },
  scan: { flags: 'no-writes', parts: [...reading, scan] },
  events: { flags: 'no-writes', tells: true, parts: [...reading, types, packAll, entries, readEvents] },
}

/** The server's clock, as seconds and microseconds. Tests put a clock of their own here. */
export const SERVER_TIME = "redis.call('TIME')"

export function compileScripts(clock: string): Record<Command, Script> {
  return compile(sources, clock)
}

/** A script that answers the server's time and nothing else. */
export function compileClock(clock: string): Script {
  return compile({ clock: { flags: 'no-writes', parts: ['return @TIME@'] } }, clock).clock
}

/** What a script is put together from, and its flags. */
export interface Source {
  readonly flags: string
  /** As of a {@link Script}; what may write always does. */
  readonly tells?: true
  readonly parts: readonly string[]
}

export function compile<C extends string>(from: Record<C, Source>, clock: string): Record<C, Script> {
  const entries = Object.entries<Source>(from).map(([command, { flags, parts, tells = false }]) => {
    const text = `#!lua${flags && ` flags=${flags}`}\n${parts.join('\n')}`
      .replaceAll('@TIME@', clock)
      .replaceAll('@LAYOUT@', String(LAYOUT))
    const writes = flags !== 'no-writes'
    const sha = createHash('sha1').update(text).digest('hex')
    return [command, { text, sha, writes, tells: writes || tells }]
  })
  return Object.fromEntries(entries)
}
