import { performance } from 'node:perf_hooks'
import type { Answer, Command, Op, Partition, Reply } from '../../src/engine/engine.js'
import type { Call } from '../../src/engine/port.js'

/** A batch that the fake was handed, to be answered by the test. */
export interface FakeCall {
  readonly command: Command
  readonly ops: readonly unknown[]
  readonly call: Call
  /** Answers each item, by default with `get`'s not_found. */
  reply(answers?: readonly unknown[], rest?: Partial<Reply<Command>>): void
  fail(error: unknown): void
}

/** A partition that only notes what it is handed. */
export class FakePartition implements Partition {
  readonly calls: FakeCall[] = []
  /** Set: whoever wants to send must wait for it. */
  gate: Promise<void> | undefined

  ready(): Promise<void> | undefined {
    return this.gate
  }

  run<C extends Command>(command: C, ops: readonly Op<C>[], call: Call): Promise<Reply<C>> {
    return new Promise((resolve, reject) => {
      this.calls.push({
        command,
        ops,
        call,
        reply: (answers = ops.map(() => ({ status: 'not_found' })), rest = {}) => {
          const { now = Math.floor(performance.now()) } = rest as { now?: number }
          const told = {
            outcome: 'done',
            now,
            clock: now,
            sequence: 0,
            answers: answers as readonly Answer<C>[],
          }
          resolve({ ...told, ...rest } as Reply<C>)
        },
        fail: reject,
      })
    })
  }

  /** How many items each batch had. */
  sizes(): number[] {
    return this.calls.map(({ ops }) => ops.length)
  }
}
