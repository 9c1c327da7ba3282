import { setTimeout as delay } from 'node:timers/promises'
import type { Command, Given, Surroundings } from '../command.js'
import { DONE, INTERRUPTED, NO } from '../exit-codes.js'
import { READING } from '../options.js'
import { inSession } from '../session.js'
import { safeJson } from '../terminal/safe.js'
import { showLive } from '../watch/live.js'
import { type Reading, remediesOf, Watcher } from '../watch/reading.js'

function run(given: Given, surroundings: Surroundings): Promise<number> {
  const times = given.whole('times', 1, 1_000_000)
  return inSession(given, surroundings, async ({ operations, client }) => {
    const { kind, id } = await operations.resolve(given.word(0))
    const watcher = new Watcher(operations, client, `${kind}:${id}`)
    let latest: Reading | undefined
    const read = async () => {
      latest = await watcher.read()
      return latest
    }
    if (given.flag('json')) surroundings.output.write(`${safeJson(await read())}\n`)
    else {
      const isInterrupted = await showLive(
        {
          ...{ read, times },
          pause: (ms, signal) => delay(ms, undefined, { signal }).catch(() => {}),
        },
        surroundings,
      )
      if (isInterrupted) return INTERRUPTED
    }
    return latest && remediesOf(latest).length > 0 ? NO : DONE
  })
}

export const watching: readonly Command[] = [
  {
    ...{ name: 'watch', section: 'To look', parameters: 'ID', run },
    summary: 'the live view of a sale: units, queue, rate, lag and memory, once a second',
    details:
      'q quits. Without a terminal it prints a line a second. With --json it prints one reading and ends. A waiting room is shown with its sale, and a sale with its waiting rooms. If the latest reading shows one that is frozen or lost, the command says what to do, and exits with 1.',
    options: [
      { name: 'times', value: 'N', help: 'ends after N readings (default: when you quit)' },
      ...READING,
    ],
    examples: ['watch launch', 'watch launch --times 60 > evening.log'],
  },
]
