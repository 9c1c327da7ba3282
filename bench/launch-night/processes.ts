import { availableParallelism } from 'node:os'
import { openWorker, type Worker } from '../load/worker.js'

/** Until the start reaches all processes, which begin at the same time. */
const START_MS = 100

/** The application servers of a night: two, and a third where there are more CPUs. */
export class NightProcesses<Result> {
  readonly count = Math.min(3, Math.max(2, availableParallelism() - 1))
  readonly #workers: readonly Worker<Result>[]

  /** @param onStep Told how many orders all of them have carried out. */
  constructor(file: string, onStep: (done: number) => void) {
    const done: number[] = []
    this.#workers = Array.from({ length: this.count }, (_, i) =>
      openWorker<Result, number>(file, (step) => {
        done[i] = step
        onStep(done.reduce((a, b) => a + b))
      }),
    )
  }

  /** Answers when they can begin, in epoch ms. */
  async ready(): Promise<number> {
    await Promise.all(this.#workers.map(({ ready }) => ready))
    return Date.now() + START_MS
  }

  run(input: object): Promise<Result[]> {
    for (const [worker, { start }] of this.#workers.entries())
      start({ ...input, worker, workers: this.count })
    return Promise.all(this.#workers.map(({ result }) => result))
  }

  stop(): void {
    for (const worker of this.#workers) worker.stop()
  }
}
