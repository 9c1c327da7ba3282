import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Program, startWorker, type Worker } from '../lib/workers.js'
import type { Record, ServerConfig, ServerWords } from './server-process.js'

/** An application server, and what it has written. */
export class Server {
  readonly #config: ServerConfig
  readonly #worker: Worker<ServerWords>

  /** @param of Another version. @default this one */
  constructor(folder: string, config: Omit<ServerConfig, 'file'>, of?: Program) {
    this.#config = { ...config, file: join(folder, `${config.name}.jsonl`) }
    this.#worker = startWorker(PROGRAM, this.#config, of)
  }

  /** Resolves when it sells. */
  async open(): Promise<void> {
    await this.#worker.next()
  }

  async records(): Promise<Record[]> {
    const text = await readFile(this.#config.file, 'utf8').catch(() => '')
    // A line that is being written is not read.
    const lines = text.split('\n').slice(0, -1)
    return lines.map((line) => JSON.parse(line) as Record)
  }

  /** How many reservations its buyers were told of. */
  async sold(): Promise<number> {
    return (await this.records()).filter((one) => 'id' in one && one.state === 'held').length
  }

  /** No visitor comes any more. Resolves when those who are there have their answers. */
  async stop(): Promise<void> {
    this.#worker.tell('stop')
    await this.#worker.next()
  }

  /** Rejects if the process did not end as it should. */
  async end(): Promise<void> {
    this.#worker.tell('end')
    await this.#worker.all()
  }

  kill(): Promise<void> {
    return this.#worker.kill().catch(() => {})
  }
}

const PROGRAM = 'scripts/drill/server-process.ts'
