import type { StockholdError } from '../errors.js'

/**
 * The interface to one key group of an engine: it runs commands in batches. Each item of a batch
 * gets its own answer, in order, as if the items had been sent one after another. The whole batch
 * is one atomic step.
 *
 * All commands share these rules:
 *
 * - Time. `now` is the server's clock, unless that is behind a time the server answered before.
 *   `now` never runs backwards for a caller (the call's `minTime`), and is never before the time of
 *   anything written. If the server's clock is set back, `now` advances at half the clock's speed,
 *   from the first call that may write, until the clock has caught up: a change due in one second
 *   happens after two.
 * - An item that would change something while the server's clock is beyond `deadline` answers
 *   `retry` and changes nothing. Answers that change nothing (repeats, final refusals) are given
 *   even then.
 */
export interface Port<M extends CommandMap<M>> {
  /**
   * Resolves once a batch can be sent; returns `undefined` if it can be sent now. Rejects with a
   * `StockholdError`: `UNAVAILABLE` if the port cannot become ready by itself, `UNSAFE_CONFIG` if
   * the server's configuration makes it unsafe to use, `CLOSED`.
   */
  ready(): Promise<void> | undefined

  /**
   * The server's time, epoch ms. A batcher asks for it before the first batch, because a deadline
   * is a server time. Without this method, a first batch has no deadline. Rejects as `ready` does,
   * or with a `NotReadyError`.
   */
  readonly time?: (() => Promise<number>) | undefined

  /** Why the port is not ready, if known: the latest failure of its connection. */
  readonly lastError?: (() => StockholdError | undefined) | undefined

  /**
   * Runs one batch, once `ready`. Rejects with a `StockholdError`: `UNAVAILABLE` if certainly
   * nothing was executed, `UNKNOWN_OUTCOME` if the batch may have been executed. Rejects with a
   * `NotReadyError` if the port turned out not to be ready: the caller sends the batch again once
   * it is.
   */
  run<C extends keyof M>(command: C, ops: readonly M[C]['op'][], call: Call): Promise<Reply<M[C]['answer']>>
}

/** Commands by name: the type of an item, and the type of its answer. */
export type CommandMap<M> = {
  readonly [C in keyof M]: { readonly op: object; readonly answer: { readonly status: string } }
}

/**
 * Undecided, and nothing was changed: the call came after its deadline, or reached the limit of its
 * work. Send the item again.
 */
export interface Retry {
  readonly status: 'retry'
}

/**
 * An answer other than `retry`: the library repeats an undecided item before the caller gets an
 * answer.
 */
export type Final<A> = Exclude<A, Retry>

/**
 * A point of a history: after `sequence` events, the last of which was written by the call with
 * this `batchId`. After a recovery the history continues as another `generation`.
 */
export interface LogOffset {
  readonly generation: number
  readonly sequence: number
  readonly batchId: string
}

/**
 * The command needs data that is stored in another layout than this version's. The engine has read
 * only the layout number, and has changed nothing, not even the time. This check comes before
 * `lost` and all other checks.
 */
export interface Incompatible {
  readonly outcome: 'incompatible'
  /** The time of the server's clock. */
  readonly now: number
  /** The layout in which the data is stored. */
  readonly layout: number
  /**
   * `groups`: the sale is stored in this version's layout, but the consumer groups that follow it
   * are not.
   */
  readonly part: 'itself' | 'groups'
}

/** The options of a batch. */
export interface Call {
  /** The incarnation the caller knows, or `null` for `create` and `describe`, which learn it. */
  readonly incarnation: string | null
  /** The server time after which nothing may be changed. */
  readonly deadline: number
  /** The latest server time the caller has seen. */
  readonly minTime: number
  /** The furthest point of the history that the caller has seen. */
  readonly lastSeen?: LogOffset | null | undefined
  /** A unique name for the writes of this call. */
  readonly batchId?: string | undefined
  /** The call rebuilds lost data: it is allowed while the partition is frozen. */
  readonly bypassFreeze?: boolean | undefined
}

/**
 * - `done`: `answers[i]` belongs to `ops[i]`. `sequence` counts the events up to the end of the
 *   batch.
 * - `missing`: there is nothing of this name.
 * - `lost`: it exists, but with another incarnation than `incarnation`, or parts of it are gone.
 * - `rolled_back`: it has lost events that this caller, or an earlier one, has seen.
 * - `incompatible`: it is stored in another layout, see {@link Incompatible}.
 */
export type Reply<A> =
  | {
      readonly outcome: 'done'
      readonly now: number
      /** The server's own clock, which may be behind `now`. */
      readonly clock: number
      readonly sequence: number
      /** The point of the history after the batch. */
      readonly offset?: LogOffset | undefined
      /** The revision of the rules by which the batch was decided. */
      readonly revision?: number | undefined
      readonly answers: readonly A[]
    }
  | { readonly outcome: 'missing' | 'lost' | 'rolled_back'; readonly now: number }
  | Incompatible
