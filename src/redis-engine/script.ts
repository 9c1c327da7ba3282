import { createHash } from 'node:crypto'
import type { Effect } from '../engine/effects.js'
import { LAYOUT } from '../engine/layout.js'

/**
 * A script as Redis knows it: by the SHA-1 of its text, so two versions of this library never use
 * the same script.
 */
export interface Script {
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

/** @param code A script with all its includes: only the clock remains to be inserted. */
export function compile(code: string, clock: string, effect: Effect, { flags, tells }: Flags): Script {
  const flag = effect === 'reads' ? 'no-writes' : flags
  const text = `#!lua${flag ? ` flags=${flag}` : ''}\n${code}`
    .replaceAll('@TIME@', clock)
    .replaceAll('@LAYOUT@', String(LAYOUT))
  const sha = createHash('sha1').update(text).digest('hex')
  return { text, sha, effect, tells: effect !== 'reads' || tells === true }
}

/** A script that answers the server's time and nothing else. */
export function compileClock(clock: string): Script {
  return compile('return @TIME@', clock, 'reads', {})
}
