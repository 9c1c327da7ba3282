import { type Explanation, explanations } from './equivalent.js'
import type { Mutant } from './mutant.js'
import type { Verdict } from './run.js'

/**
 * The share of the unexplained mutants that must be killed, and the share of all that may be
 * explained.
 */
export const WANTED_SHARE = 0.9
export const MOST_EXPLAINED = 0.05

export interface FileResult {
  readonly file: string
  readonly mutants: number
  readonly killed: number
  readonly explained: number
  readonly survived: number
}

export interface Judgement {
  readonly files: readonly FileResult[]
  readonly total: FileResult
  readonly hung: number
  readonly survivors: readonly Mutant[]
  readonly explained: readonly { readonly mutant: Mutant; readonly reason: string }[]
  /** Explanations that no longer apply, each with the reason. */
  readonly stale: readonly string[]
  readonly passed: boolean
}

/** @param all Every mutant, tried or not. */
export function judge(
  verdicts: readonly Verdict[],
  all: readonly Mutant[],
  known: readonly Explanation[] = explanations,
): Judgement {
  const reasonFor = ({ file, after }: Mutant) =>
    known.find((each) => each.file === file && each.lines.includes(after))?.reason
  const survived = verdicts.filter(({ status }) => status === 'survived').map(({ mutant }) => mutant)
  const explained = survived.flatMap((mutant) => {
    const reason = reasonFor(mutant)
    return reason === undefined ? [] : [{ mutant, reason }]
  })
  const survivors = survived.filter((mutant) => reasonFor(mutant) === undefined)
  const result = (file: string, within: (mutant: Mutant) => boolean): FileResult => ({
    file,
    mutants: verdicts.filter(({ mutant }) => within(mutant)).length,
    killed: verdicts.filter(({ mutant, status }) => within(mutant) && status !== 'survived').length,
    explained: explained.filter(({ mutant }) => within(mutant)).length,
    survived: survivors.filter(within).length,
  })
  const names = [...new Set(verdicts.map(({ mutant }) => mutant.file))]
  const total = result('all files', () => true)
  return {
    files: names.map((name) => result(name, ({ file }) => file === name)),
    ...{ total, survivors, explained, stale: stale(verdicts, all, known) },
    hung: verdicts.filter(({ status }) => status === 'hung').length,
    passed: share(total) >= WANTED_SHARE && total.explained <= MOST_EXPLAINED * total.mutants,
  }
}

/** The killed share of the mutants that can be killed; 1 if there are none. */
export function share({ killed, survived }: FileResult): number {
  return killed + survived === 0 ? 1 : killed / (killed + survived)
}

function stale(
  verdicts: readonly Verdict[],
  all: readonly Mutant[],
  known: readonly Explanation[],
): string[] {
  return known.flatMap(({ file, lines }) =>
    lines.flatMap((line) => {
      const same = (mutant: Mutant) => mutant.file === file && mutant.after === line
      if (!all.some(same)) return [`${file}: there is no such mutant any more: ${line}`]
      const tried = verdicts.filter(({ mutant }) => same(mutant))
      const killed = tried.length > 0 && tried.every(({ status }) => status !== 'survived')
      return killed ? [`${file}: it is killed: ${line}`] : []
    }),
  )
}
