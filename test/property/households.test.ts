import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { RulesUpdate, SaleRules } from '../../src/index.js'
import { alteredMaker } from '../support/altered-kind.js'
import { type EngineKind, memoryKind, redisKind } from '../support/engines.js'
import { FirstFinds } from '../support/first-finds.js'
import { path, runsOr, seeds } from '../support/seeds.js'
import { checkProperties, storyOf } from './check.js'
import { householdMutants } from './household-mutants.js'
import { reserve } from './operations.js'
import { Pass, Send, type Step, sales, stories } from './steps.js'
import type { World } from './world.js'

type Limits = Pick<SaleRules, 'limitPerHousehold' | 'limits'>
const limits: readonly Limits[] = [
  { limitPerHousehold: 2 },
  { limitPerHousehold: { a: 3 } },
  { limitPerHousehold: { b: 1 }, limits: [{ skus: ['a', 'b'], perBuyer: 2, perHousehold: 3 }] },
  { limits: [{ skus: ['c', 'a'], perHousehold: 2 }] },
]
const updates: readonly RulesUpdate[] = [
  ...limits,
  { limitPerHousehold: null },
  { limitPerHousehold: { a: null, c: 1 } },
  { limits: null },
]

/** A buyer reserves for two households: one of the requests is refused, however the sale stands. */
class ChangeHouseholds implements Step {
  constructor(
    readonly buyer: string,
    readonly sku: string,
  ) {}

  async run(world: World) {
    for (const household of ['elm', 'oak']) {
      const items = [{ sku: this.sku, quantity: 1 }]
      const operation = { ...reserve({ buyer: this.buyer, items }), household }
      await world.send({ handle: 1, operation })
    }
  }

  toString() {
    return `${this.buyer} reserves 1 of ${this.sku} for elm, and then for oak`
  }
}

const update = fc
  .constantFrom(...updates)
  .map((each) => new Send({ handle: 0, operation: { do: 'update', update: each } }, 1))
const change = fc
  .tuple(fc.constantFrom('ann', 'bob', 'cy'), fc.constantFrom('a', 'b', 'c'))
  .map(([buyer, sku]) => new ChangeHouseholds(buyer, sku))

/** Some steps, each with the place in a story at which it comes. */
function inserted(step: fc.Arbitrary<Step>, { least = 0, most = 3 }) {
  return fc.array(fc.tuple(fc.nat({ max: 30 }), step), { minLength: least, maxLength: most })
}

/**
 * The steps of an ordinary story. In between, the limits of households are updated, and a buyer
 * asks for two households: in every story, so that the fewest stories reach the refusal.
 */
const steps: fc.Arbitrary<Step[]> = fc
  .tuple(stories(30), inserted(update, {}), inserted(change, { least: 1, most: 2 }))
  .map(([all, ...more]) => more.flat().reduce((some, [at, step]) => some.toSpliced(at, 0, step), all))

/** @param most Of partitions. With several, no clock is set back: each has a time of its own. */
function householdStories(most: number) {
  const partitions = fc.integer({ min: Math.min(2, most), max: most })
  return fc.tuple(sales, fc.constantFrom(...limits), partitions, steps).map(([rules, some, count, all]) => {
    const onwards = count === 1 ? all : all.filter((step) => !(step instanceof Pass && step.ms < 0))
    return storyOf({ ...rules, ...some, partitions: count }, onwards)
  })
}

const memory = memoryKind()
const redis = redisKind()
beforeAll(redis.start)
afterAll(redis.stop)

const RUNS = { both: 80, memory: 150, redis: 25 }

test.each(seeds)(
  'sales with limits of households are alike on both engines, seed %i',
  { timeout: 600_000 },
  async (seed) => {
    const runs = runsOr(RUNS.both)
    const { report, answers } = await checkProperties([memory.make, redis.make], {
      ...{ seed, runs, path, stories: householdStories(1) },
    })
    expect(report).toBe('')
    expect(answers).toContain('reserve household_conflict')
  },
)

describe.each<EngineKind>([memory, redis])('over several partitions, on $name', ({ name, make }) => {
  test.each(seeds)(
    'a sale with limits of households answers as one, seed %i',
    { timeout: 600_000 },
    async (seed) => {
      const { report } = await checkProperties([make], {
        ...{ seed, runs: runsOr(RUNS[name]), path, stories: householdStories(5) },
      })
      expect(report).toBe('')
    },
  )
})

const finds = new FirstFinds(
  'households',
  householdMutants.map(({ name }) => name),
)

describe('finds an injected bug', () => {
  test.each(householdMutants)('$name', { timeout: 600_000 }, async ({ name, alterations, breaks }) => {
    const { make, runs, stop } = alteredMaker(redis.server().url, alterations)
    onTestFinished(stop)
    const { violation, report, at } = await checkProperties([make], {
      ...{ seed: 3, runs: 400, path: String(finds.of(name)), asFound: true, stories: householdStories(1) },
    })
    if (at !== undefined) finds.found(name, at)
    expect(runs()).toBeGreaterThan(0)
    expect(breaks, report).toContain(violation)
    expect(report, 'a script that fails is no bug that hides').not.toContain('UNKNOWN_OUTCOME')
  })
})
