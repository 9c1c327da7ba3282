import type { Effect } from '../engine/effects.js'
import type { Call, Final, Reply } from '../engine/port.js'
import type { StockholdError } from '../errors.js'
import type { Carried } from '../telemetry/open-calls.js'

/** The destination of a batcher's batches: one command of one port. */
export interface BatchTarget<O, A> {
  readonly command: string
  readonly effect: Effect
  ready(): Promise<void> | undefined
  /**
   * See {@link Port}. Left out if the first batch needs no deadline: it changes nothing, and its
   * answer contains the time.
   */
  readonly time?: (() => Promise<number>) | undefined
  readonly lastError?: (() => StockholdError | undefined) | undefined
  run(ops: readonly O[], call: Call): Promise<Reply<A>>
}

/** An item that waits for its answer. */
export interface Pending<O, A> {
  readonly op: O
  /** The order in which the items of a batcher were submitted. */
  readonly order: number
  readonly deadline: number
  readonly weight: number
  /** For telemetry; `undefined` while nothing subscribes. */
  readonly carried: Carried | undefined
  /**
   * Converts the answer to the caller's result; an error it throws rejects the caller's promise.
   */
  readonly result: (answer: Final<A>) => unknown
  readonly resolve: (result: unknown) => void
  readonly reject: (error: unknown) => void
  /** Stops listening to the caller's signal. */
  forget: (() => void) | undefined
  /** It waits to be sent, for the first time or again. */
  queued: boolean
  /**
   * It has been sent at least once, and was not merely refused: its outcome is unknown until an
   * answer decides.
   */
  sent: boolean
  /** The caller has a result: an answer, a failure, the deadline or an abort. */
  settled: boolean
}
