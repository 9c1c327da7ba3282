import { createHash } from 'node:crypto'
import type { Command } from '../engine.js'
import commit from './scripts/_commit.lua'
import events from './scripts/_events.lua'
import expiry from './scripts/_expiry.lua'
import partition from './scripts/_partition.lua'
import records from './scripts/_records.lua'
import rights from './scripts/_rights.lua'
import settle from './scripts/_settle.lua'
import stock from './scripts/_stock.lua'
import moving from './scripts/_transfers.lua'
import confirm from './scripts/confirm.lua'
import control from './scripts/control.lua'
import create from './scripts/create.lua'
import describe from './scripts/describe.lua'
import readEvents from './scripts/events.lua'
import extend from './scripts/extend.lua'
import get from './scripts/get.lua'
import rebuild from './scripts/rebuild.lua'
import receive from './scripts/receive.lua'
import refund from './scripts/refund.lua'
import release from './scripts/release.lua'
import reserve from './scripts/reserve.lua'
import restock from './scripts/restock.lua'
import scan from './scripts/scan.lua'
import send from './scripts/send.lua'
import stats from './scripts/stats.lua'
import sweep from './scripts/sweep.lua'
import transfers from './scripts/transfers.lua'

/** A script as Redis knows it: by the SHA-1 of its text, so two versions of this library never meet in one. */
export interface Script {
  readonly text: string
  readonly sha: string
  readonly writes: boolean
}

const head = [partition, stock, events, records, expiry, commit]

/**
 * What gives stock back must work while Redis is over `maxmemory`; `no-writes` lets a script run where writing is refused.
 * https://redis.io/docs/latest/develop/programmability/lua-api/#script_flags
 */
const sources: Record<Command, Source> = {
  create: { flags: '', parts: [rights, create] },
  describe: { flags: 'no-writes', parts: [rights, describe] },
  rebuild: { flags: '', parts: [rights, rebuild] },
  reserve: { flags: '', parts: [...head, reserve] },
  confirm: { flags: 'allow-oom', parts: [...head, settle, confirm] },
  release: { flags: 'allow-oom', parts: [...head, settle, release] },
  extend: { flags: 'allow-oom', parts: [...head, settle, extend] },
  refund: { flags: 'allow-oom', parts: [...head, settle, refund] },
  get: { flags: 'no-writes', parts: [...head, get] },
  restock: { flags: 'allow-oom', parts: [...head, restock] },
  control: { flags: 'allow-oom', parts: [...head, control] },
  send: { flags: 'allow-oom', parts: [...head, moving, send] },
  receive: { flags: 'allow-oom', parts: [...head, moving, receive] },
  transfers: { flags: 'no-writes', parts: [...head, transfers] },
  stats: { flags: 'allow-oom', parts: [...head, stats] },
  sweep: { flags: 'allow-oom', parts: [...head, sweep] },
  scan: { flags: 'no-writes', parts: [...head, scan] },
  events: { flags: 'no-writes', parts: [...head, readEvents] },
}

/** The server's clock, as seconds and microseconds. Tests put a clock of their own here. */
export const SERVER_TIME = "redis.call('TIME')"

export function compileScripts(time: string): Record<Command, Script> {
  return compile(sources, time)
}

/** What a script is put together from, and its flags. */
export interface Source {
  readonly flags: string
  readonly parts: readonly string[]
}

export function compile<C extends string>(from: Record<C, Source>, time: string): Record<C, Script> {
  const entries = Object.entries<Source>(from).map(([command, { flags, parts }]) => {
    const text = `#!lua${flags && ` flags=${flags}`}\n${parts.join('\n')}`
      .replaceAll('@TIME@', time)
      .replaceAll('@READS@', String(flags === 'no-writes'))
    return [
      command,
      { text, sha: createHash('sha1').update(text).digest('hex'), writes: flags !== 'no-writes' },
    ]
  })
  return Object.fromEntries(entries)
}
