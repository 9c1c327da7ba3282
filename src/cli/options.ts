import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'

/** A mistake in the command line. */
export class BadUsage extends Error {}

export interface VerifyOptions {
  /** `undefined`: the memory engine. */
  readonly redis: string | undefined
  readonly prefix: string
  readonly runs: number
  readonly seed: number
}

export const help = `Plays random stories of a sale against a Redis of yours, several buyers at a time, and checks after each group of
requests that nothing is oversold, lost or stranded, that no buyer is over the limit and every answer stays true.

  npx stockhold verify --redis URL [options]

  --redis URL      redis:// or rediss://; without it the environment's REDIS_URL
  --runs N         stories                                            (default 200)
  --seed N         repeats the stories of an earlier run              (default: a new one)
  --engine NAME    redis, or memory: the embedded engine, no server   (default redis)
  --prefix NAME    stands at the head of every key: {NAME:...}        (default stockhold-verify)
  -h, --help

It takes small sales of its own below the prefix, and deletes them by their names at the end; nothing else is touched.
Exit code: 0 verified; 1 a rule was broken, with the smallest story that breaks it; 2 a mistake in the command line, or
Redis cannot be reached or must not be used as it is configured.`

/** @throws {BadUsage} `undefined`: help was asked for. */
export function readOptions(args: readonly string[], env: NodeJS.ProcessEnv): VerifyOptions | undefined {
  const { values, positionals } = parse(args)
  if (values.help) return undefined
  const [command, ...more] = positionals
  if (command === undefined) throw new BadUsage('which command? There is one: verify')
  if (command !== 'verify') throw new BadUsage(`there is no command ${JSON.stringify(command)}, only verify`)
  if (more.length > 0) throw new BadUsage(`${JSON.stringify(more[0])} is one word too many`)
  const { engine = 'redis', prefix = 'stockhold-verify' } = values
  if (engine !== 'redis' && engine !== 'memory') throw new BadUsage('--engine must be redis or memory')
  if (engine === 'memory' && values.redis !== undefined)
    throw new BadUsage('--redis is of no use with --engine memory')
  const redis = engine === 'memory' ? undefined : checkUrl(values.redis ?? env.REDIS_URL)
  return {
    redis,
    prefix: checkPrefix(prefix),
    runs: whole('runs', values.runs, 200, 1, 1_000_000),
    seed: whole('seed', values.seed, randomInt(2 ** 31), 0, 2 ** 31 - 1),
  }
}

function parse(args: readonly string[]) {
  const text = { type: 'string' } as const
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        help: { type: 'boolean', short: 'h' },
        ...{ redis: text, runs: text, seed: text, engine: text, prefix: text },
      },
    })
  } catch (error) {
    // Show only the first sentence: the others explain how to pass a value that the user did not
    // mean to pass.
    throw new BadUsage((error as Error).message.split(/\.\s|\n/)[0])
  }
}

function checkUrl(url: string | undefined): string {
  if (url === undefined || url === '')
    throw new BadUsage('which Redis? --redis redis://127.0.0.1:6379, or REDIS_URL in the environment')
  if (!/^rediss?:\/\/./.test(url) || !URL.canParse(url))
    throw new BadUsage('--redis must be a redis:// or rediss:// URL')
  return url
}

function checkPrefix(prefix: string): string {
  if (prefix === '' || prefix.length > 64 || !prefix.isWellFormed())
    throw new BadUsage('--prefix must be a well-formed string of 1 to 64 characters')
  return prefix
}

function whole(
  name: string,
  given: string | undefined,
  otherwise: number,
  least: number,
  most: number,
): number {
  if (given === undefined) return otherwise
  const value = /^-?\d+$/.test(given) ? Number(given) : Number.NaN
  if (!(value >= least && value <= most))
    throw new BadUsage(`--${name} must be a whole number from ${least} to ${most}`)
  return value
}
