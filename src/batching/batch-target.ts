import type { Effect } from '../engine/effects.js'
import type { Call, Final, Reply } from '../engine/port.js'
import type { StockholdError } from '../errors.js'

/** Where the batches of a batcher go: one command of one port. */
export interface BatchTarget<O, A> {
  readonly effect: Effect
  ready(): Promise<void> | undefined
  /**
   * See {@link Port}. Left out where the first batch needs no deadline: it changes nothing, and its
   * answer tells the time.
   */
  readonly time?: (() => Promise<number>) | undefined
  readonly trouble?: (() => StockholdError | undefined) | undefined
  run(ops: readonly O[], call: Call): Promise<Reply<A>>
}

/** A command that waits for its answer. */
export interface Pending<O, A> {
  readonly op: O
  /** The order in which the items of a batcher were submitted. */
  readonly order: number
  readonly deadline: number
  readonly weight: number
  /** Makes the caller's result of the answer; what it throws is the caller's failure. */
  readonly result: (answer: Final<A>) => unknown
  readonly resolve: (result: unknown) => void
  readonly reject: (error: unknown) => void
  /** Ends the watch over the caller's signal. */
  forget: (() => void) | undefined
  /** It waits to be sent, for the first time or again. */
  queued: boolean
  /**
   * It has been sent at least once, and not just refused: what became of that nobody knows until an
   * answer decides.
   */
  sent: boolean
  /** Somebody has told the caller: an answer, a failure, the deadline or an abort. */
  settled: boolean
}
