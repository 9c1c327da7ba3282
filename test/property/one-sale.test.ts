import fc from 'fast-check'
import { describe, test } from 'vitest'
import { startedKinds } from '../support/engines.js'
import { path, runsOr, seeds } from '../support/seeds.js'
import { play } from './check.js'
import { Pass, sales, stories } from './steps.js'

const RUNS = { memory: 300, redis: 40 }
const kinds = startedKinds()

/**
 * Each partition has a time of its own: a clock that is set back is seen in some and not in others.
 */
const onwards = stories(30).map((steps) => steps.filter((step) => !(step instanceof Pass && step.ms < 0)))

/**
 * Whatever its answers are, a sale of one partition could have given them: that there are several,
 * no caller can tell.
 */
describe.each(kinds)('a sale of several partitions answers as one, on $name', (kind) => {
  test.each(seeds)('seed %i', { timeout: 600_000 }, async (seed) => {
    const story = fc
      .record({ rules: sales, partitions: fc.integer({ min: 2, max: 5 }), steps: onwards })
      .map(({ rules, partitions, steps }) => ({
        rules: { ...rules, partitions },
        steps,
        toString: () =>
          [
            `\nsale ${JSON.stringify({ ...rules, partitions })}`,
            ...steps.map((step, i) => `${i + 1}. ${step}`),
          ].join('\n'),
      }))
    await fc.assert(
      fc.asyncProperty(story, async (each) => {
        await play([kind.make], each)
      }),
      { seed, numRuns: runsOr(RUNS[kind.name]), ...(path === undefined ? {} : { path }) },
    )
  })
})
