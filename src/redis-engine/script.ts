import { createHash } from 'node:crypto'
import type { Effect } from '../engine/effects.js'
import { LAYOUT } from '../engine/layout.js'
import { CLOCK } from './function-library.js'

/**
 * A command as a server runs it: as a function of the {@link Library}, by its name there, or as a
 * script, by the SHA-1 of its text. So two versions of this library never use the same one.
 */
export interface Script {
  /** The name of its function. */
  readonly name: string
  readonly text: string
  readonly sha: string
  readonly effect: Effect
  /**
   * Its answer reports changes to callers or consumers, so it must be as durable as these changes.
   */
  readonly tells: boolean
}

/**
 * How a script may run. A script that only reads has `no-writes` by itself, and runs where writing
 * is refused.
 */
export interface Flags {
  /**
   * Commands that free memory or stock must work while Redis is over `maxmemory`.
   * https://redis.io/docs/latest/develop/programmability/lua-api/#script_flags
   */
  readonly flags?: 'allow-oom'
  /** As `tells` of a {@link Script}; always true for scripts that may write. */
  readonly tells?: true
}

/** The server's clock, as seconds and microseconds. Tests use another clock here. */
export const SERVER_TIME = "redis.call('TIME')"

/**
 * @param name The name of its function.
 * @param code The script with all its includes: only the last values remain to be put in.
 */
export function compile(
  name: string,
  code: string,
  clock: string,
  effect: Effect,
  { flags, tells }: Flags,
): Script {
  const flag = flagOf(effect, flags)
  const text = `#!lua${flag ? ` flags=${flag}` : ''}\n${withValues(code, clock)}`
  const sha = createHash('sha1').update(text).digest('hex')
  return { name, text, sha, effect, tells: effect !== 'reads' || tells === true }
}

/** The flag of a command, which its script and its function have in common. */
export function flagOf(effect: Effect, flags: Flags['flags']): string | undefined {
  return effect === 'reads' ? 'no-writes' : flags
}

/** Puts the clock and the layout into the text of a script or a library. */
export function withValues(text: string, clock: string): string {
  return text.replaceAll('@TIME@', clock).replaceAll('@LAYOUT@', String(LAYOUT))
}

/** The command that answers the server's time and nothing else. */
export function compileClock(clock: string): Script {
  return compile(CLOCK, 'return @TIME@', clock, 'reads', {})
}
