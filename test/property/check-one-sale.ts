import fc from 'fast-check'
import type { TimedEngine } from '../support/engines.js'
import { play, storyOf } from './check.js'
import { Pass, sales, stories } from './steps.js'

/**
 * Each partition has a time of its own: a clock that is set back is seen in some and not in others.
 */
const onwards = stories(30).map((steps) => steps.filter((step) => !(step instanceof Pass && step.ms < 0)))

const story = fc
  .record({ rules: sales, partitions: fc.integer({ min: 2, max: 5 }), steps: onwards })
  .map(({ rules, partitions, steps }) => storyOf({ ...rules, partitions }, steps))

/**
 * Whatever its answers are, a sale of one partition could have given them: that there are several,
 * no caller can tell.
 */
export function oneSaleProperty(make: () => Promise<TimedEngine>) {
  return fc.asyncProperty(story, async (each) => {
    await play([make], each)
  })
}
