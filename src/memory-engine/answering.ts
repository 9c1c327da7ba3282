import type { Call, CommandMap, Reply } from '../engine/port.js'

/** The moment of a call. */
export interface Step {
  readonly now: number
  /** The latest server time the caller has seen. */
  readonly minTime: number
  /** The call's deadline has passed: nothing may be changed any more. */
  readonly overdue: boolean
}

export const retry = { status: 'retry' } as const

/** Executes batches, item by item. */
export function answering<M extends CommandMap<M>>(
  handlers: {
    readonly [C in keyof M]: (op: M[C]['op'], step: Step) => M[C]['answer']
  },
) {
  return <C extends keyof M>(
    command: C,
    ops: readonly M[C]['op'][],
    { deadline, minTime }: Call,
    clock: number,
  ): Reply<M[C]['answer']> => {
    const step = { now: clock, minTime, overdue: clock > deadline }
    const answers = ops.map((op) => handlers[command](op, step))
    return { outcome: 'done', now: clock, clock, sequence: 0, answers }
  }
}
