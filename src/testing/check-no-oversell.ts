import { notify } from '../common/callback.js'
import type { Engine } from '../engine/engine.js'
import { invalid } from '../errors.js'
import { FlashSale } from '../sale/flash-sale.js'
import { checkInteger, checkOptions, checkSignal, type Names } from '../validation.js'
import { loadFastCheck } from './fast-check.js'
import { InvariantViolation, playStory } from './play-story.js'
import { type Story, stories } from './story.js'

/** How `checkNoOversell` runs its stories. Every property has a default. */
export interface CheckOptions {
  /** Random stories to play. @default 200 */
  runs?: number | undefined
  /** Repeats the stories of an earlier run. @default a fresh one */
  seed?: number | undefined
  /** Called after each story. */
  onProgress?: ((progress: CheckProgress) => void) | undefined
  /** Ends the check after the story under way; it then rejects with the signal's reason. */
  signal?: AbortSignal | undefined
}

const OPTIONS: Names<CheckOptions> = { runs: true, seed: true, onProgress: true, signal: true }

/** The progress of `checkNoOversell`. */
export interface CheckProgress {
  /** Stories played so far, without those that shrink a failing story. */
  readonly runs: number
  /** Requests sent so far, in all stories. */
  readonly commands: number
  /** Attempts so far to find a smaller story that breaks a rule; 0 while no rule is broken. */
  readonly shrinks: number
}

/** The result of `checkNoOversell`. */
export interface CheckReport {
  readonly runs: number
  /** Requests sent in all stories. */
  readonly commands: number
  readonly seed: number
}

let sales = 0

/**
 * Plays random stories of a sale on an engine and checks, after each group of simultaneous
 * requests, that the invariants hold: nothing is oversold, no unit is lost or invented, no buyer
 * and no household is over the limit, units that came back as another SKU's are on sale as these
 * only, a changed cart is one that was asked for, the same key does the same once, a confirmed
 * reservation stays confirmed, and a buyer who asks for an available unit gets it.
 *
 * Meant for your CI: run it against your Redis, with your configuration. It creates sales named
 * `stockhold-check-...` and takes real time (holds of a few ms expire while it waits). Needs
 * fast-check, an optional peer dependency.
 *
 * @param makeEngine Called once. The engine is closed at the end; a client that it was given stays
 *   open.
 * @returns The numbers of runs and requests, and the seed that repeats them.
 * @throws {InvariantViolation} with the smallest story found that breaks a rule, the rule, and the
 *   seed.
 * @throws {StockholdError} `UNAVAILABLE`, `UNSAFE_CONFIG`, ...: the engine could not be reached or
 *   used.
 */
export async function checkNoOversell(
  makeEngine: () => Engine | Promise<Engine>,
  options: CheckOptions = {},
): Promise<CheckReport> {
  if (typeof makeEngine !== 'function') throw invalid('makeEngine', 'must be a function that makes an engine')
  checkOptions(options, 'options', OPTIONS)
  const { runs: wanted = 200, seed: given = Math.floor(Math.random() * 2 ** 31), onProgress } = options
  const runs = checkInteger(wanted, 'runs', 1, 1_000_000)
  const seed = checkInteger(given, 'seed', -(2 ** 31), 2 ** 31 - 1)
  const signal = checkSignal(options.signal)
  if (onProgress !== undefined && typeof onProgress !== 'function')
    throw invalid('onProgress', 'must be a function')
  const fc = await loadFastCheck()
  const engine = await makeEngine()
  const series = `stockhold-check-${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 8)}`
  const counts = { runs: 0, commands: 0, shrinks: 0 }
  let broken: InvariantViolation | undefined
  let outside: unknown
  const property = fc.asyncProperty(stories(fc), async (story: Story) => {
    // An abort or another error breaks no rule, so there is no story to shrink.
    if (signal?.aborted || outside !== undefined) throw new fc.PreconditionFailure(true)
    const shrinks = broken !== undefined
    try {
      await play(engine, `${series}-${++sales}`, story)
    } catch (error) {
      if (!(error instanceof InvariantViolation)) {
        outside = error
        throw new fc.PreconditionFailure(true)
      }
      // Each story that still fails is smaller than the one before.
      broken = error
      throw error
    } finally {
      counts[shrinks ? 'shrinks' : 'runs']++
      for (const group of story.groups) counts.commands += group.length
      notify(onProgress, { ...counts })
    }
  })
  try {
    const { failed, errorInstance } = await fc.check(property, { seed, numRuns: runs })
    const { rule, transcript, cause } = broken ?? {}
    if (rule !== undefined) throw new InvariantViolation(rule, transcript!, { seed, cause })
    signal?.throwIfAborted()
    if (outside !== undefined) throw outside
    // Another error ended the check: not all stories were played.
    if (failed && errorInstance) throw errorInstance
    return { runs: counts.runs, commands: counts.commands, seed }
  } finally {
    await engine.close()
  }
}

async function play(engine: Engine, name: string, story: Story): Promise<void> {
  const handles = [1, 2].map(() => new FlashSale(name, { engine, deadlineMs: 30_000 }))
  try {
    await playStory(handles, story)
  } finally {
    for (const handle of handles) await handle.close()
  }
}
