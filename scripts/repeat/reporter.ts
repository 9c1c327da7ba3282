/** Reports the progress to the process that started this run. Vitest loads this file. */
import type { Reporter } from 'vitest/node'
import type { Message } from './messages.js'

const send = (message: Message) => void process.send?.(message)

export default class implements Reporter {
  #files = 0
  #done = 0

  onTestRunStart(specifications: readonly unknown[]): void {
    this.#files = specifications.length
    this.#tell()
  }

  onTestModuleEnd(): void {
    this.#done++
    this.#tell()
  }

  onTestRunEnd(_modules: readonly unknown[], errors: readonly { message: string; stack?: string }[]): void {
    send({ type: 'uncaught', errors: errors.map(({ message, stack }) => stack ?? message) })
  }

  #tell(): void {
    send({ type: 'files', done: this.#done, total: this.#files })
  }
}
