import type { Effect, Effects } from '../engine/effects.js'
import type { Call, CommandMap, Final, Port } from '../engine/port.js'
import { Batcher } from './batcher.js'
import type { Session } from './session.js'

/**
 * The limits of a call: when its caller must have an answer, by the session's clock, and the signal
 * that may end the wait before.
 */
export interface CallOptions {
  readonly deadline: number
  readonly signal?: AbortSignal | undefined
}

/** The batchers of one port, one for each command, created when they are first needed. */
export class BatcherSet<M extends CommandMap<M>> {
  readonly #port: Port<M>
  readonly session: Session
  readonly #effects: Effects<M>
  readonly #counted: boolean
  readonly #batchers: { [C in keyof M]?: Batcher<M[C]['op'], M[C]['answer']> } = {}

  /** @param counted See {@link Batcher}. */
  constructor(port: Port<M>, effects: Effects<M>, session: Session, counted = true) {
    this.#effects = effects
    this.#port = port
    this.session = session
    this.#counted = counted
  }

  /**
   * Sends one item.
   *
   * @param result Converts the answer to the caller's result; an error it throws rejects the
   *   caller's promise.
   * @param weight How much of a batch the item fills. @default its lines, see {@link weightOf}
   */
  ask<C extends keyof M, T>(
    command: C,
    op: M[C]['op'],
    { deadline, signal }: CallOptions,
    result: (answer: Final<M[C]['answer']>) => T,
    weight = weightOf(op),
  ): Promise<T> {
    this.#batchers[command] ??= batcherFor(
      this.#port,
      command,
      this.session,
      this.#effects[command],
      this.#counted,
    )
    return this.#batchers[command].submit(op, deadline, weight, result, signal)
  }
}

/**
 * Counts the lines that an item carries: of a cart, or of units that move. Any other item counts as
 * one.
 */
function weightOf(op: object): number {
  const { cart, wants, received, sent } = op as {
    readonly [list in 'cart' | 'wants' | 'received' | 'sent']?: readonly unknown[]
  }
  const lines = cart ?? sent
  return lines ? Math.max(1, lines.length) : 1 + (wants?.length ?? 0) + (received?.length ?? 0)
}

/** The batcher of one command of a port. */
export function batcherFor<M extends CommandMap<M>, C extends keyof M>(
  port: Port<M>,
  command: C,
  session: Session,
  effect: Effect,
  counted = true,
): Batcher<M[C]['op'], M[C]['answer']> {
  const way = {
    command: String(command),
    effect,
    ready: () => port.ready(),
    time: command === 'describe' || !port.time ? undefined : () => port.time!(),
    lastError: () => port.lastError?.(),
    run: (ops: readonly M[C]['op'][], call: Call) => port.run(command, ops, call),
  }
  return new Batcher(way, session, counted)
}
