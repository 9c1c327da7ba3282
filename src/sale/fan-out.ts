import pLimit from 'p-limit'
import { isAway, restate, StockholdError } from '../errors.js'

const tuning = {
  /**
   * Partitions asked at a time by one who asks them all: between its questions there is room for
   * buyers.
   */
  atOnce: 64,
}

/** What each partition answered, or why it did not. */
export interface Answers<T> {
  /** By partition; nothing where it failed. */
  readonly done: readonly (T | undefined)[]
  readonly failures: ReadonlyMap<number, unknown>
}

/** Asks all partitions, or some. */
export async function askAll<T>(
  partitions: number | readonly number[],
  ask: (index: number) => Promise<T>,
): Promise<Answers<T>> {
  const done: (T | undefined)[] = []
  const failures = new Map<number, unknown>()
  const limit = pLimit(tuning.atOnce)
  const indices =
    typeof partitions === 'number' ? Array.from({ length: partitions }, (_, i) => i) : partitions
  await limit.map(indices, async (index) => {
    try {
      done[index] = await ask(index)
    } catch (error) {
      failures.set(index, error)
    }
  })
  return { done, failures }
}

/** As `askEvery`, for questions that change nothing: all answers, or the failure. */
export async function readAll<T>(partitions: number, ask: (index: number) => Promise<T>): Promise<T[]> {
  const { done, failures } = await askAll(partitions, ask)
  if (failures.size > 0) throw failureOf(failures, partitions)
  return done as T[]
}

/**
 * As `askEvery`, for what is to be done in each, and can be repeated: all answers, or a failure
 * that says where it was done. "Nothing was executed" is said only if it is true of all of them.
 */
export async function changeAll<T>(partitions: number, ask: (index: number) => Promise<T>): Promise<T[]> {
  const { done, failures } = await askAll(partitions, ask)
  if (failures.size === 0) return done as T[]
  const failure = failureOf(failures, partitions)
  const changed = Array.from(done.keys()).filter((index) => !failures.has(index))
  if (partitions === 1 || !(failure instanceof StockholdError)) throw failure
  const code = isAway(failure) && changed.length > 0 ? 'UNKNOWN_OUTCOME' : failure.code
  const where = changed.length === 0 ? 'in no partition' : `in ${changed.length} (${listed(changed)})`
  throw new StockholdError(
    code,
    `It was done ${where} of ${partitions} for certain; the same call again completes it. ${failure.message}`,
    { cause: failure.cause, retryable: failure.retryable },
  )
}

/** The worst of the failures, with the partitions in which something failed. */
export function failureOf(failures: ReadonlyMap<number, unknown>, partitions: number): unknown {
  const [index, error] = [...failures].reduce((worst, other) =>
    rank(other[1]) > rank(worst[1]) ? other : worst,
  )
  if (partitions === 1 || !(error instanceof StockholdError)) return error
  const others =
    failures.size === 1 ? '' : ` (of ${failures.size} that failed: ${listed([...failures.keys()])})`
  return restate(error, { message: `Partition ${index}${others}: ${error.message}`, cause: error })
}

/** What asking again will not mend comes first, then what leaves something open. */
function rank(error: unknown): number {
  if (!(error instanceof StockholdError)) return 4
  if (!isAway(error)) return 3
  return error.code === 'UNKNOWN_OUTCOME' ? 2 : error.code === 'UNAVAILABLE' ? 1 : 0
}

function listed(partitions: readonly number[]): string {
  const first = partitions.slice(0, 10).sort((a, b) => a - b)
  return partitions.length > first.length ? `${first.join(', ')}, …` : first.join(', ')
}
