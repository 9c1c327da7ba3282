import { openWorker, type ProcessOptions, serve } from './worker.js'

/** A process that runs one task after another until it is stopped. */
export class TaskProcess<Task, Answer> {
  readonly #worker
  #answer: (answer: Answer) => void = () => {}

  private constructor(file: string, options?: ProcessOptions) {
    this.#worker = openWorker<never, Answer>(file, (answer) => this.#answer(answer), options)
  }

  /** @param file In bench/, one that calls {@link serveTasks}. */
  static async open<Task, Answer>(
    file: string,
    setting: unknown,
    options?: ProcessOptions,
  ): Promise<TaskProcess<Task, Answer>> {
    const started = new TaskProcess<Task, Answer>(file, options)
    await started.#worker.ready
    started.#worker.start(setting)
    return started
  }

  run(task: Task): Promise<Answer> {
    const answer = new Promise<Answer>((settle) => {
      this.#answer = settle
    })
    this.#worker.start(task)
    // A process that dies never answers.
    return Promise.race([answer, this.#worker.result])
  }

  stop(): void {
    this.#worker.stop()
  }
}

/** In the process of a {@link TaskProcess}: opens what the tasks need, and then runs them. */
export function serveTasks<Setting, Task, Answer>(
  begin: (setting: Setting) => (task: Task) => Promise<Answer>,
) {
  serve<Setting, never, Answer>((setting, answer) => {
    const work = begin(setting)
    return new Promise<never>((_, failed) => {
      process.on('message', (task: Task) => void work(task).then(answer, failed))
    })
  })
}
