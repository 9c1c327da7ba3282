import { BaseSequencer, type TestSpecification } from 'vitest/node'

/**
 * Begun in this order, before everything else of their project: so that no long file is still
 * running when all the others are done.
 */
const LONG = [
  'property/mutation-detection',
  'simulation/rooms',
  'fault/cluster',
  'package/demo',
  'package/drill',
  'package/readme.test',
  'fault/',
  'race/',
  'simulation/',
  'package/',
  'property/',
  'consumer/',
]

/**
 * One project after the other: a worker goes on with a file of its own project only, and else is
 * replaced by one that loads all modules again. The longest file is of the first; the last has
 * short ones.
 */
const PROJECTS = ['one', 'apart', 'partitions']

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return files.toSorted(
      (a, b) =>
        PROJECTS.indexOf(a.project.name) - PROJECTS.indexOf(b.project.name) ||
        rank(a) - rank(b) ||
        (a.moduleId < b.moduleId ? -1 : 1),
    )
  }
}

function rank({ moduleId }: TestSpecification): number {
  const at = LONG.findIndex((part) => moduleId.includes(`/test/${part}`) || moduleId.includes(`/${part}`))
  return at < 0 ? LONG.length : at
}
