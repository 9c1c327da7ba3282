import pLimit from 'p-limit'
import { isAway, restate, StockholdError } from '../errors.js'

const tuning = {
  /**
   * How many partitions one call asks at a time, so that requests of buyers are sent in between.
   */
  atOnce: 64,
}

/** The answer of each partition, or its failure. */
export interface Answers<T> {
  /** By partition; `undefined` if it failed. */
  readonly done: readonly (T | undefined)[]
  readonly failures: ReadonlyMap<number, unknown>
}

/** Asks all partitions, or the given ones. */
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

/** Like `askAll`, for commands that change nothing: returns all answers, or throws the failure. */
export async function readAll<T>(partitions: number, ask: (index: number) => Promise<T>): Promise<T[]> {
  const { done, failures } = await askAll(partitions, ask)
  if (failures.size > 0) throw failureOf(failures, partitions)
  return done as T[]
}

/**
 * Like `askAll`, for commands that change each partition and can be repeated: returns all answers,
 * or throws a failure that names the changed partitions. The failure says "Nothing was executed"
 * only if that is true of all partitions.
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

/** The most severe failure, with the partitions that failed. */
export function failureOf(failures: ReadonlyMap<number, unknown>, partitions: number): unknown {
  const [index, error] = [...failures].reduce((worst, other) =>
    rank(other[1]) > rank(worst[1]) ? other : worst,
  )
  if (partitions === 1 || !(error instanceof StockholdError)) return error
  const others =
    failures.size === 1 ? '' : ` (of ${failures.size} that failed: ${listed([...failures.keys()])})`
  return restate(error, { message: `Partition ${index}${others}: ${error.message}`, cause: error })
}

/**
 * The severity of a failure. Failures that a retry does not resolve are the most severe, then
 * unknown outcomes.
 */
function rank(error: unknown): number {
  if (!(error instanceof StockholdError)) return 4
  if (!isAway(error)) return 3
  return error.code === 'UNKNOWN_OUTCOME' ? 2 : error.code === 'UNAVAILABLE' ? 1 : 0
}

function listed(partitions: readonly number[]): string {
  const first = partitions.slice(0, 10).sort((a, b) => a - b)
  return partitions.length > first.length ? `${first.join(', ')}, …` : first.join(', ')
}
