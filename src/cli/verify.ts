import { StockholdError } from '../errors.js'
import { type CheckReport, checkNoOversell } from '../testing/check-no-oversell.js'
import { MissingDependencyError } from '../testing/fast-check.js'
import { InvariantViolation } from '../testing/play-story.js'
import { DONE, INTERRUPTED, NO, NOT_STARTED } from './exit-codes.js'
import { count, Progress } from './progress.js'
import type { Screen } from './screen.js'
import type { Subject } from './subject.js'

export interface Verification {
  readonly runs: number
  readonly seed: number
  readonly signal?: AbortSignal
}

const CHECKED = [
  'units promised never exceed the stock, and the counts always add up',
  'no buyer is over the limit; one key, one reservation',
  'what was confirmed stays so, refund_due too',
  'a buyer who asks for a unit that is there gets it',
  'the audit recounts what the counts say',
]

/** Verifies an engine, shows the progress and prints the verdict. @returns The exit code. */
export async function verify(subject: Subject, options: Verification, screen: Screen): Promise<number> {
  const { runs, seed, signal } = options
  const { paint } = screen
  screen.line(`${paint('bold', 'stockhold verify')}: ${subject.name}, ${count(runs)} stories, seed ${seed}`)
  const progress = new Progress(screen, runs)
  const outcome = await checkNoOversell(() => subject.makeEngine(), {
    ...{ runs, seed },
    ...(signal && { signal }),
    onProgress: (latest) => progress.update(latest),
  }).catch((error: unknown) => error)
  if (progress.latest.runs > 0) progress.stop()
  const left = await subject.clean()
  const code = conclude(outcome)
  if (left !== '') screen.line(left)
  return code

  function conclude(outcome: unknown): number {
    if (outcome instanceof InvariantViolation) return broken(outcome)
    if (signal?.aborted) {
      screen.line(`verdict: none, interrupted after ${count(progress.latest.runs)} stories`)
      return INTERRUPTED
    }
    if (outcome instanceof StockholdError) return unasked(outcome)
    if (outcome instanceof MissingDependencyError) {
      screen.line(`${outcome.message}\nOr: npx -p stockhold -p fast-check stockhold verify ${subject.again}`)
      return NOT_STARTED
    }
    if (outcome instanceof Error) throw outcome
    return kept(outcome as CheckReport)
  }

  function kept({ runs: played, commands }: CheckReport): number {
    screen.line('')
    for (const rule of CHECKED) screen.line(`  ${rule}`)
    const figures = `${count(played)} stories, ${count(commands)} requests, ${progress.seconds.toFixed(1)} s`
    screen.line(`\nverdict: ${paint('green', 'verified')}, ${figures}`)
    screen.line(`Again: npx stockhold verify ${subject.again} --runs ${runs} --seed ${seed}`)
    return DONE
  }

  function broken({ rule, transcript }: InvariantViolation): number {
    const { runs: played, shrinks } = progress.latest
    screen.line(`\n${paint('red', 'A rule is broken:')} ${rule}\n`)
    screen.line(`The smallest story found, after ${count(shrinks)} attempts:\n\n${transcript}`)
    screen.line(`\nverdict: ${paint('red', 'violated')}, in story ${count(played)} of ${count(runs)}`)
    screen.line(`Again: npx stockhold verify ${subject.again} --runs ${runs} --seed ${seed}`)
    return NO
  }

  function unasked({ code, message, cause }: StockholdError): number {
    const why = cause instanceof Error ? ` (${cause.message})` : ''
    screen.line(`\nverdict: ${paint('red', 'none')}, ${subject.name} could not be asked`)
    screen.line(`${code}: ${message}${why}`)
    return NOT_STARTED
  }
}
