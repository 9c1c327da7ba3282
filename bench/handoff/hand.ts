import { openWorker, serve } from '../load/worker.js'

/** A process that does one task after another, until it is stopped. */
export class Hand<Task, Answer> {
  readonly #worker
  #answer: (answer: Answer) => void = () => {}

  private constructor(file: string) {
    this.#worker = openWorker<never, Answer>(file, (answer) => this.#answer(answer))
  }

  /** @param file In bench/, one that calls {@link obey}. */
  static async open<Task, Answer>(file: string, setting: unknown): Promise<Hand<Task, Answer>> {
    const hand = new Hand<Task, Answer>(file)
    await hand.#worker.ready
    hand.#worker.start(setting)
    return hand
  }

  do(task: Task): Promise<Answer> {
    const answer = new Promise<Answer>((settle) => {
      this.#answer = settle
    })
    this.#worker.start(task)
    // One that dies never answers.
    return Promise.race([answer, this.#worker.result])
  }

  stop(): void {
    this.#worker.stop()
  }
}

/** In the process of a {@link Hand}: begins with what it works with, and then does what it is told. */
export function obey<Setting, Task, Answer>(begin: (setting: Setting) => (task: Task) => Promise<Answer>) {
  serve<Setting, never, Answer>((setting, answer) => {
    const work = begin(setting)
    return new Promise<never>((_, failed) => {
      process.on('message', (task: Task) => void work(task).then(answer, failed))
    })
  })
}
