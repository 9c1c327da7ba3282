import { randomInt } from 'node:crypto'
import { BadUsage, type Command, type Given, type Option, type Surroundings } from '../command.js'
import { addressOf, checkPrefix, placeOf, reach } from '../connection.js'
import { INTERRUPTED } from '../exit-codes.js'
import { CONNECTION } from '../options.js'
import { Screen } from '../screen.js'
import { memorySubject, redisSubject } from '../subject.js'
import { verify } from '../verify.js'

const section = 'To check'

const options: readonly Option[] = [
  ...CONNECTION,
  { name: 'runs', value: 'N', help: 'stories (default 200)' },
  { name: 'seed', value: 'N', help: 'repeats the stories of an earlier run (default: a new one)' },
  { name: 'engine', value: 'NAME', help: 'redis, or memory: the embedded engine, no server (default redis)' },
  {
    name: 'prefix',
    value: 'NAME',
    help: 'stands at the head of every key: {NAME:...} (default stockhold-verify)',
  },
]

async function runVerify(given: Given, { output, env }: Surroundings): Promise<number> {
  const engine = given.oneOf('engine', ['redis', 'memory'] as const) ?? 'redis'
  const prefix = checkPrefix(given.text('prefix') ?? 'stockhold-verify')
  const runs = given.whole('runs', 1, 1_000_000) ?? 200
  const seed = given.whole('seed', 0, 2 ** 31 - 1) ?? randomInt(2 ** 31)
  if (engine === 'memory' && given.flag('redis'))
    throw new BadUsage('--redis is of no use with --engine memory')
  if (given.flag('cluster'))
    throw new BadUsage(
      'verify speaks to a single server. From your tests, checkNoOversell of stockhold/testing takes an engine on a Cluster client.',
    )
  const place = engine === 'memory' ? undefined : await placeOf(given, env)
  const interrupt = new AbortController()
  // The first Ctrl-C ends with the story under way and cleans up, the second one ends the process.
  const onSignal = () => {
    if (interrupt.signal.aborted) process.exit(INTERRUPTED)
    interrupt.abort()
  }
  process.on('SIGINT', onSignal)
  const client = place && (await reach(place))
  try {
    const subject = client
      ? redisSubject(client, prefix, place!.urls.map(addressOf).join(', '))
      : memorySubject()
    return await verify(subject, { runs, seed, signal: interrupt.signal }, new Screen(output, env))
  } finally {
    process.off('SIGINT', onSignal)
    client?.disconnect()
  }
}

export const checking: readonly Command[] = [
  {
    ...{ name: 'verify', section, parameters: '', options },
    summary: 'plays random stories of a sale against a Redis, and checks the rules',
    details:
      'Several buyers at a time; after each group of requests it is checked that nothing is oversold, lost or stranded, that no buyer is over the limit, and every answer stays true. It takes small sales of its own below the prefix, and deletes them by their names at the end; nothing else is touched.',
    examples: ['verify --redis redis://127.0.0.1:6379', 'verify --engine memory --runs 50'],
    run: runVerify,
  },
]
