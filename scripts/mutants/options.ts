import { parseOptions, seed, whole } from '../../src/cli/tool-options.js'
import { MOST_EXPLAINED, WANTED_SHARE } from './judge.js'

export interface MutantsOptions {
  /** `undefined`: all. */
  readonly sample: number | undefined
  readonly seed: number
  readonly only: readonly string[]
  readonly list: boolean
  readonly ids: readonly string[]
  readonly workers: number
}

const SAMPLE = 200

export const help = `Changes one operator, constant or statement of the Lua scripts or the TypeScript engine at a time, and tells
which of these mutants the tests do not notice.

  npm run mutants                          a sample of ${SAMPLE}, another one each time: 5 to 20 minutes on two cores
  npm run mutants -- --sample 500          a sample of this size
  npm run mutants -- --seed 7              the sample of this seed; each run prints its own
  npm run mutants -- --all                 every mutant: an hour or more
  npm run mutants -- --only confirm.lua    all mutants of the files whose path contains this; may be given again
  npm run mutants -- --id ID               one mutant, as the report names it; may be given again
  npm run mutants -- --list                shows the mutants and runs nothing
  npm run mutants -- --workers 1           how many run at a time (2)

A mutant is tried against the tests that can reach it, cheapest first, until one fails. Tuning constants are not
changed, see scripts/mutants/typescript-mutator.ts. A mutant that always answers the same as the original is explained
in scripts/mutants/equivalent.ts, and counts neither as killed nor as survived. The exit code is 0 if at least ${WANTED_SHARE * 100} %
of the rest are killed and at most ${MOST_EXPLAINED * 100} % of the mutants explained, 1 if not, 2 for a wrong option.`

/** @throws {BadOption} */
export function readOptions(args: readonly string[]): MutantsOptions {
  const { values } = parseOptions(args, {
    texts: ['sample', 'seed', 'workers'],
    lists: ['only', 'id'],
    flags: ['list', 'all'],
  })
  const { only = [], id: ids = [], list = false, all = false } = values
  // A call that names files or mutants means all of them.
  const everything = all || only.length > 0 || ids.length > 0
  const sample =
    values.sample === undefined && everything ? undefined : whole(values, 'sample', SAMPLE, 1, 1e6)
  return { sample, only, list, ids, seed: seed(values), workers: whole(values, 'workers', 2, 1, 64) }
}
