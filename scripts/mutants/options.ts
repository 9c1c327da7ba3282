import { parseOptions, seed, whole } from '../lib/options.js'
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

export const help = `Changes the Lua scripts and the TypeScript engine one operator, constant or statement at a time, and tells
which of these mutants the tests do not notice.

  npm run mutants                          a sample of ${SAMPLE}, another one each time: 5 to 20 minutes, by how busy two cores are
  npm run mutants -- --sample 500          another number of them
  npm run mutants -- --seed 7              the sample of this seed; each run prints its own
  npm run mutants -- --all                 every mutant there is: an hour or more
  npm run mutants -- --only confirm.lua    all mutants of the files whose path contains this; may be given again
  npm run mutants -- --id ID               one mutant, as the report names it; may be given again
  npm run mutants -- --list                shows the mutants and runs nothing
  npm run mutants -- --workers 1           how many run at a time (2)

A mutant is tried against the tests that can reach it, cheapest first, until one fails. Tuning
constants are left alone, see scripts/mutants/typescript-mutator.ts. A mutant that no test can tell from the original, because both answer the
same to everything, is explained in scripts/mutants/equivalent.ts, and counts neither as killed nor as survived.
Exit code: 0 if at least ${WANTED_SHARE * 100} % of the rest are killed and at most ${MOST_EXPLAINED * 100} % of the mutants explained, 1 if not, 2 for a mistake in the
command line.`

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
