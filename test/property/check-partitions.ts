import fc from 'fast-check'
import { Violation } from '../model/violation.js'
import type { TimedEngine } from '../support/engines.js'
import { handoffStories } from './group-steps.js'
import { HandoffWorld } from './group-world.js'
import { partitionStories } from './partition-steps.js'
import { PartitionWorld } from './partition-world.js'

type Maker = () => Promise<TimedEngine>

/** Random stories of a sale of several partitions, on engines that are expected to agree. */
export const partitionProperty = (makers: readonly Maker[], answers = new Set<string>()) =>
  fc.asyncProperty(partitionStories, async (story) => {
    const engines = await Promise.all(makers.map((make) => make()))
    const world = await PartitionWorld.create(engines, story)
    await orViolation(async () => {
      for (const step of story.steps) await world.play(step)
      await world.settle()
    })
    for (const kind of world.answers) answers.add(kind)
  })

/** Random stories of those who follow the events of a partition. */
export const handoffProperty = (makers: readonly Maker[]) =>
  fc.asyncProperty(handoffStories, async (steps) => {
    const engines = await Promise.all(makers.map((make) => make()))
    const world = await HandoffWorld.create(engines)
    await orViolation(async () => {
      for (const step of steps) await world.play(step)
    })
  })

/** Whatever fails breaks something. */
async function orViolation(play: () => Promise<void>): Promise<void> {
  try {
    await play()
  } catch (error) {
    throw Violation.of(error)
  }
}
