import { setTimeout as delay } from 'node:timers/promises'
import { readSource } from './catalogue.js'
import { type Mutant, mutate } from './mutant.js'
import type { Failure, Result } from './protocol.js'
import { inOrder, type Suite, suiteName, suites } from './suites.js'
import { TesterProcess } from './tester-process.js'

export interface Verdict {
  readonly mutant: Mutant
  readonly status: 'killed' | 'hung' | 'survived'
  /** The failure that killed the mutant. */
  readonly by: Failure | undefined
  readonly ms: number
}

export interface RunOptions {
  readonly workers: number
  /** Called with the latest verdict, and how many of the mutants are done. */
  readonly onVerdict: (verdict: Verdict, done: number, total: number) => void
  readonly onStage: (stage: string) => void
  /** In place of the tests that a file's suite names. */
  readonly suite?: Suite
  /**
   * After how long without a heartbeat, or with a test that does not end, a mutant is taken to hang
   * at the earliest. ms
   */
  readonly stallMs?: number
}

/** A test that takes this many times as long as the slowest one without a mutant has hung. */
const SLOWEST_FACTOR = 3
const MIN_TIMEOUT_MS = 4_000
/** A thread without a heartbeat for this time is blocked by a loop. ms */
const STALL_MS = 6_000
const KILLERS = 3
const BASELINE_ATTEMPTS = 3

/**
 * Tries the mutants, on several testers at a time. @throws When the tests fail without any mutant.
 */
export async function run(mutants: readonly Mutant[], options: RunOptions): Promise<Verdict[]> {
  const testers = Array.from({ length: Math.min(options.workers, mutants.length) }, () => new TesterProcess())
  try {
    const baseline = await baselines(mutants, testers, options)
    return await tryAll(mutants, testers, baseline, options)
  } finally {
    await Promise.all(testers.map((tester) => tester.stop()))
  }
}

const suiteOf = (file: string, options: RunOptions): Suite => options.suite ?? suites()[suiteName(file)]

/** The durations of the tests without a mutant, in ms. */
interface Baseline {
  /** By suite and file. */
  readonly costs: ReadonlyMap<string, number>
  /** The slowest test of each suite. */
  readonly slowest: ReadonlyMap<string, number>
}

/** Runs each suite once without a mutant: it must pass, and gives the duration of each file. */
async function baselines(
  mutants: readonly Mutant[],
  testers: readonly TesterProcess[],
  options: RunOptions,
): Promise<Baseline> {
  const needed = new Map(
    mutants.map(({ file }) => suiteOf(file, options)).map((suite) => [suite.name, suite]),
  )
  const waiting = [...needed.values()]
  const costs = new Map<string, number>()
  const slowest = new Map<string, number>()
  await Promise.all(
    testers.map(async (tester) => {
      for (let suite = waiting.shift(); suite; suite = waiting.shift()) {
        const outcome = await pass(suite, tester, options)
        for (const [file, ms] of Object.entries(outcome.durations)) costs.set(`${suite.name}:${file}`, ms)
        slowest.set(suite.name, outcome.slowest)
      }
    }),
  )
  return { costs, slowest }
}

/**
 * Runs the suite until it passes: on a busy machine a deadline may pass, and the next attempt
 * succeeds.
 */
async function pass(suite: Suite, tester: TesterProcess, { onStage }: RunOptions): Promise<Result> {
  const { name, files, pattern } = suite
  const task = { replaced: undefined, files, pattern: pattern.source, testTimeout: 60_000, bail: false }
  for (let attempt = 1; ; attempt++) {
    onStage(`the ${name} suite without a mutant`)
    const outcome = await tester.run(task, 120_000)
    const passed = outcome.type === 'result' && outcome.failures.length === 0 && outcome.tests > 0
    if (passed) return outcome
    if (attempt < BASELINE_ATTEMPTS) continue
    const first = outcome.type === 'result' ? outcome.failures[0] : undefined
    throw new Error(`the ${name} suite fails without a mutant: ${first ? shown(first) : outcome.type}`)
  }
}

async function tryAll(
  mutants: readonly Mutant[],
  testers: readonly TesterProcess[],
  { costs, slowest }: Baseline,
  options: RunOptions,
): Promise<Verdict[]> {
  const verdicts: Verdict[] = []
  const killers = new Map<string, string[]>()
  let next = 0
  let done = 0
  await Promise.all(
    testers.map(async (tester) => {
      while (next < mutants.length) {
        const place = next++
        const mutant = mutants[place]!
        const suite = suiteOf(mutant.file, options)
        const known = killers.get(mutant.file) ?? []
        const cost = (file: string) => costs.get(`${suite.name}:${file}`) ?? 0
        const files = inOrder(suite.files, mutant.file, cost, known)
        const limits = {
          testTimeout: Math.max(
            options.stallMs ?? MIN_TIMEOUT_MS,
            SLOWEST_FACTOR * (slowest.get(suite.name) ?? 0),
          ),
          stallMs: options.stallMs ?? STALL_MS,
        }
        const verdict = await tryOne(mutant, { ...suite, files }, tester, limits)
        const killer = verdict.by?.file
        if (killer) {
          const others = known.filter((file) => file !== killer)
          killers.set(mutant.file, [killer, ...others].slice(0, KILLERS))
        }
        verdicts[place] = verdict
        options.onVerdict(verdict, ++done, mutants.length)
      }
    }),
  )
  return verdicts
}

async function tryOne(
  mutant: Mutant,
  { files, pattern }: Suite,
  tester: TesterProcess,
  { testTimeout, stallMs }: { readonly testTimeout: number; readonly stallMs: number },
): Promise<Verdict> {
  const begun = performance.now()
  const text = mutate(readSource(mutant.file), mutant)
  const task = {
    ...{ replaced: { file: mutant.file, text }, files, pattern: pattern.source },
    ...{ testTimeout, bail: true },
  }
  for (let attempt = 1; ; attempt++) {
    const outcome = await tester.run(task, stallMs)
    const ms = performance.now() - begun
    if (outcome.type === 'stalled') return { mutant, status: 'hung', by: undefined, ms }
    if (outcome.type === 'fault') {
      // A fault of the tester says nothing about the mutant.
      if (attempt === 3) throw new Error(`${mutant.id}: ${outcome.message}`)
      await delay(500)
      continue
    }
    const by = outcome.failures[0]
    return { mutant, status: by ? 'killed' : 'survived', by, ms }
  }
}

export function shown({ file, test, message }: Failure): string {
  return [file, test, message.split('\n')[0]].filter(Boolean).join(': ')
}
