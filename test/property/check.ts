import fc from 'fast-check'
import type { SaleRules } from '../../src/index.js'
import { Violation, type ViolationKind } from '../model/violation.js'
import type { TimedEngine } from '../support/engines.js'
import { type Step, sales, stories } from './steps.js'
import { World } from './world.js'

export interface CheckOptions {
  readonly seed: number
  readonly runs: number
  /** Where in the seed's runs to go on: printed with a counterexample. */
  readonly path?: string | undefined
  /** Stops at the first counterexample, however long it is. */
  readonly asFound?: boolean
  /** @default those of `steps.ts` */
  readonly stories?: fc.Arbitrary<Story>
}

export interface CheckResult {
  readonly runs: number
  /** Undefined where every property held. */
  readonly violation: ViolationKind | undefined
  readonly report: string
  /** How many stories of the seed were before the one that broke a property. */
  readonly at: number | undefined
  /** The kinds of answers that came. */
  readonly answers: ReadonlySet<string>
}

const MAX_STEPS = 40

/** A story and the rules it plays by; its text is what a counterexample shows. */
export interface Story {
  readonly rules: SaleRules
  readonly steps: readonly Step[]
  toString(): string
}

/** A story by these rules, which prints itself. */
export function storyOf(rules: SaleRules, steps: readonly Step[]): Story {
  const text = () =>
    [`\nsale ${JSON.stringify(rules)}`, ...steps.map((step, i) => `${i + 1}. ${step}`)].join('\n')
  return { rules, steps, toString: text }
}

const ordinary = fc.tuple(sales, stories(MAX_STEPS)).map(([rules, steps]) => storyOf(rules, steps))

/** Plays a story on fresh engines, all at the same time, and ends with an audit. */
export async function play(
  makers: readonly (() => Promise<TimedEngine>)[],
  { rules, steps }: Story,
): Promise<ReadonlySet<string>> {
  const engines = await Promise.all(makers.map((make) => make()))
  const world = await World.create(engines, rules)
  try {
    for (const step of steps) await step.run(world)
    await world.audit()
    return world.answers
  } catch (error) {
    throw Violation.of(error)
  } finally {
    await world.close()
  }
}

/**
 * Plays `runs` random stories on engines that are expected to agree with the rules and with each
 * other.
 */
export async function checkProperties(
  makers: readonly (() => Promise<TimedEngine>)[],
  { seed, runs, path, asFound = false, stories: story = ordinary }: CheckOptions,
): Promise<CheckResult> {
  const answers = new Set<string>()
  const details = await fc.check(
    fc.asyncProperty(story, async (each) => {
      for (const kind of await play(makers, each)) answers.add(kind)
    }),
    { seed, numRuns: runs, endOnFailure: asFound, ...(path === undefined ? {} : { path }) },
  )
  const violation = !details.failed
    ? undefined
    : details.errorInstance instanceof Violation
      ? details.errorInstance.kind
      : 'fault'
  return {
    runs: details.numRuns,
    violation,
    answers,
    report: details.failed ? await report<Story>(details, seed) : '',
    at: placeOf(details),
  }
}

/** How many cases of the seed were before the one that failed. */
export function placeOf({ counterexamplePath }: { counterexamplePath: string | null }): number | undefined {
  return counterexamplePath === null ? undefined : Number.parseInt(counterexamplePath, 10)
}

async function report<T>(details: fc.RunDetails<[T]>, seed: number): Promise<string> {
  const text = await fc.asyncDefaultReportMessage(details)
  const cause = details.errorInstance instanceof Error ? details.errorInstance : undefined
  const reason = `${cause?.message}${cause?.cause instanceof Error ? `\n${cause.cause.stack}` : ''}`
  return `${text}\n\n${reason}\n\nReplay with STOCKHOLD_SEED=${seed} STOCKHOLD_PATH=${details.counterexamplePath}`
}
