import { BaseSequencer, type TestSpecification } from 'vitest/node'

/**
 * Begun in this order, before everything else: so that no long file is still running when all the
 * others are done.
 */
const LONG = [
  'property/mutation-detection',
  'simulation/rooms',
  'fault/cluster',
  'package/demo',
  'fault/',
  'race/',
  'simulation/',
  'package/',
  'property/',
  'consumer/',
]

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return files.toSorted(
      (a, b) => rank(a) - rank(b) || (a.moduleId + a.project.name < b.moduleId + b.project.name ? -1 : 1),
    )
  }
}

function rank({ moduleId }: TestSpecification): number {
  const at = LONG.findIndex((part) => moduleId.includes(`/test/${part}`) || moduleId.includes(`/${part}`))
  return at < 0 ? LONG.length : at
}
