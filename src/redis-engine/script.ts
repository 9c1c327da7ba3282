import { createHash } from 'node:crypto'
import type { Effect } from '../engine/effects.js'
import { LAYOUT } from '../engine/layout.js'
import { assemble, type Concerns } from './assemble.js'
import lists from './concerns/lists.lua'
import time from './concerns/time.lua'

/** A script as Redis knows it: by the SHA-1 of its text, so two versions of this library never meet in one. */
export interface Script {
  readonly text: string
  readonly sha: string
  readonly effect: Effect
  /** Its answer tells callers or consumers what has happened, so it must be as durable as that. */
  readonly tells: boolean
}

/** A script as it stands in its file, and its flags. */
export interface Source {
  /**
   * What gives memory or stock back must work while Redis is over `maxmemory`: `allow-oom`. A script that only reads has
   * `no-writes` by itself, and runs where writing is refused.
   * https://redis.io/docs/latest/develop/programmability/lua-api/#script_flags
   */
  readonly flags?: 'allow-oom'
  /** As of a {@link Script}; what may write always does. */
  readonly tells?: true
  readonly lua: string
}

/** The server's clock, as seconds and microseconds. Tests put a clock of their own here. */
export const SERVER_TIME = "redis.call('TIME')"

/** Every script of a port, by command: all that remains to be put in is the clock. */
export type ScriptTexts<C extends string> = Readonly<Record<C, Source>>

/** Puts scripts together from their files and the concerns that they include. */
export function assembleAll<C extends string>(
  sources: Readonly<Record<C, Source>>,
  concerns: Concerns,
): ScriptTexts<C> {
  const known = { ...concerns, lists, time }
  const entries = Object.entries<Source>(sources)
  const texts = entries.map(([command, one]) => [command, { ...one, lua: assemble(one.lua, known) }])
  return Object.fromEntries(texts)
}

export function compile<C extends string>(
  texts: ScriptTexts<C>,
  effects: Readonly<Record<C, Effect>>,
  clock: string,
): Record<C, Script> {
  const entries = Object.entries<Source>(texts).map(([command, { flags, lua, tells = false }]) => {
    const effect = effects[command as C]
    const flag = effect === 'reads' ? 'no-writes' : flags
    const text = `#!lua${flag ? ` flags=${flag}` : ''}\n${lua}`
      .replaceAll('@TIME@', clock)
      .replaceAll('@LAYOUT@', String(LAYOUT))
    const sha = createHash('sha1').update(text).digest('hex')
    return [command, { text, sha, effect, tells: effect !== 'reads' || tells }]
  })
  return Object.fromEntries(entries)
}

/** A script that answers the server's time and nothing else. */
export function compileClock(clock: string): Script {
  return compile({ clock: { lua: 'return @TIME@' } }, { clock: 'reads' }, clock).clock
}
