import type { StockholdError } from '../errors.js'

/**
 * One key group of an engine, as everything above reaches it: commands in batches, each answered
 * item by item, in order, as if the items had come one after another; the whole batch is one atomic
 * step.
 *
 * What every command shares:
 *
 * - Time. `now` is the server's clock, as long as that is not behind what was told before. It never
 *   runs backwards for a caller (the call's `floor`), nor behind anything that was written. After
 *   the clock was set back, time goes on at half its pace, from the first call that may write,
 *   until the clock has caught up: what was to happen in a second happens in two.
 * - An item that would change something while the server's clock is beyond `deadline` answers
 *   `retry` and changes nothing. Answers that change nothing (repeats, refusals that are settled)
 *   are given all the same.
 */
export interface Port<M extends CommandMap<M>> {
  /**
   * Resolves once a batch can be sent; `undefined` if it can be now. Rejects with a
   * `StockholdError`: `UNAVAILABLE` when it will not be by itself, `UNSAFE_CONFIG` when the server
   * must not be used as it is configured, `CLOSED`.
   */
  ready(): Promise<void> | undefined

  /**
   * The server's time, epoch ms: asked for before the first batch, whose deadline is a moment of
   * it. Without it, a first batch has no deadline. Rejects as `ready` does, or with a
   * `NotReadyError`.
   */
  readonly time?: (() => Promise<number>) | undefined

  /** Why it is not ready, as far as is known: the latest failure of its connection. */
  readonly lastError?: (() => StockholdError | undefined) | undefined

  /**
   * Runs one batch, once `ready`. Rejects with a `StockholdError`: `UNAVAILABLE` when nothing was
   * executed for certain, `UNKNOWN_OUTCOME` when it may have been. A `NotReadyError` when the port
   * turned out not to be ready: the batch is to be sent again once it is.
   */
  run<C extends keyof M>(command: C, ops: readonly M[C]['op'][], call: Call): Promise<Reply<M[C]['answer']>>
}

/** Commands by name: what an item of each asks, and what it is answered. */
export type CommandMap<M> = {
  readonly [C in keyof M]: { readonly op: object; readonly answer: { readonly status: string } }
}

/**
 * Not decided and nothing done: the call came after its deadline, or reached the bound of its work.
 * Ask again.
 */
export interface Retry {
  readonly status: 'retry'
}

/** An answer that decides: what is undecided is asked again before the caller hears of it. */
export type Final<A> = Exclude<A, Retry>

/**
 * A point of a history: after `sequence` events, the last of which was written by the call that
 * bore `mark`. A history that was recovered goes on as another `line`.
 */
export interface LogOffset {
  readonly generation: number
  readonly sequence: number
  readonly batchId: string
}

/**
 * What a command needs is stored in another layout than this version's, so the engine has read
 * no more of it than the number, and has changed nothing, not even the time. This comes before
 * `lost` and everything that a caller may know of a sale.
 */
export interface Incompatible {
  readonly outcome: 'incompatible'
  /** What the server's clock shows. */
  readonly now: number
  /** The layout in which it is stored. */
  readonly layout: number
  /**
   * `groups`: the sale is stored in this version's layout, the consumer groups that follow it are
   * not.
   */
  readonly part: 'itself' | 'groups'
}

/** What a batch carries beside its items. */
export interface Call {
  /** The incarnation the caller knows, or `null` for `create` and `describe`, which learn it. */
  readonly incarnation: string | null
  /** When by the server's clock nothing may be changed any more. */
  readonly deadline: number
  /** The latest server time the caller has seen. */
  readonly minTime: number
  /** The furthest point of the history that the caller has seen. */
  readonly lastSeen?: LogOffset | null | undefined
  /** A name for what this call writes, unlike any other. */
  readonly batchId?: string | undefined
  /** Puts back what was lost: allowed where others are held off. */
  readonly bypassFreeze?: boolean | undefined
}

/**
 * - `done`: `answers[i]` belongs to `ops[i]`. `sequence` counts what happened there until after the
 *   batch.
 * - `missing`: there is nothing of this name.
 * - `lost`: there is, but it is another incarnation than `token`, or parts of it are gone.
 * - `rolled_back`: it has forgotten what the caller, or somebody before, has seen of it.
 * - `incompatible`: it is stored in another layout, see {@link Incompatible}.
 */
export type Reply<A> =
  | {
      readonly outcome: 'done'
      readonly now: number
      /** The server's own clock, which may be behind `now`. */
      readonly clock: number
      readonly sequence: number
      /** The point of the history that was reached. */
      readonly offset?: LogOffset | undefined
      readonly answers: readonly A[]
    }
  | { readonly outcome: 'missing' | 'lost' | 'rolled_back'; readonly now: number }
  | Incompatible
