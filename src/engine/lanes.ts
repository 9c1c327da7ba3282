import { type Decided, type Lane, laneOf } from './lane.js'
import type { CommandMap, Port } from './port.js'
import type { Session } from './session.js'

/** What limits a call: when its caller must have an answer, by the session's timing, and what may end the wait before. */
export interface Limits {
  readonly deadline: number
  readonly signal?: AbortSignal | undefined
}

/** The lanes of one port, one a command, opened as they are needed. */
export class Lanes<M extends CommandMap<M>> {
  readonly #port: Port<M>
  readonly session: Session
  readonly #counted: boolean
  readonly #lanes: { [C in keyof M]?: Lane<M[C]['op'], M[C]['answer']> } = {}

  /** @param counted See {@link Lane}. */
  constructor(port: Port<M>, session: Session, counted = true) {
    this.#port = port
    this.session = session
    this.#counted = counted
  }

  /**
   * Sends one item.
   *
   * @param result Makes the caller's result of the answer; what it throws is the caller's failure.
   * @param weight How much of a batch the item fills.
   */
  ask<C extends keyof M, T>(
    command: C,
    op: M[C]['op'],
    { deadline, signal }: Limits,
    result: (answer: Decided<M[C]['answer']>) => T,
    weight = 1,
  ): Promise<T> {
    this.#lanes[command] ??= laneOf(this.#port, command, this.session, this.#counted)
    return this.#lanes[command].submit(op, deadline, weight, result, signal)
  }
}
