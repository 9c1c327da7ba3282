/** The addresses of the Redis server that a tester's tests share, as JSON. */
export const SHARED_REDIS = 'STOCKHOLD_MUTANTS_REDIS'

/** The channel on which the thread of the tests reports that it is not blocked. */
export const HEARTBEAT = 'stockhold-mutants-heartbeat'

/** A task of a tester: to run these tests, with the text of a file replaced. */
export interface Task {
  readonly replaced: { readonly file: string; readonly text: string } | undefined
  readonly files: readonly string[]
  readonly pattern: string
  /** How long one test may take, in ms. */
  readonly testTimeout: number
  /** Stops at the first failure. */
  readonly bail: boolean
}

export interface Failure {
  readonly file: string
  readonly test: string
  readonly message: string
}

/** A message of a tester: it is ready, it is alive, it has failed, or it has a result. */
export type Word =
  | { readonly type: 'ready' }
  | { readonly type: 'alive' }
  | { readonly type: 'fault'; readonly message: string }
  | Result

export interface Result {
  readonly type: 'result'
  readonly failures: readonly Failure[]
  /** How many tests ran, how long the slowest took, and ms by file. */
  readonly tests: number
  readonly slowest: number
  readonly durations: Readonly<Record<string, number>>
}
