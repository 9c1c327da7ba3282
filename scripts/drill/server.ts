import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Program, startWorker, type Worker } from '../lib/workers.js'

export interface ServerConfig {
  readonly name: string
  readonly redis: string
  readonly postgres: string
  /** Where it writes what it has answered. */
  readonly file: string
  /** Visitors at a time. */
  readonly visitors: number
  readonly partitions: number
}

/** What a buyer was told of a reservation; it never goes back in this order. */
export const STATES = ['held', 'confirmed', 'released', 'refunded'] as const

/** A line of the file. */
export type Record =
  | { readonly id: string; readonly state: (typeof STATES)[number] }
  /** An event that its consumer has handled. */
  | { readonly handled: string; readonly type: string }
  /** An error that a visitor met. */
  | { readonly code: string }

/** A line of the standard output: it sells; no visitor is there any more. */
export type ServerWords = 'open' | 'stopped'

/** It imports nothing but what every version has: it is run by an earlier version, too. */
export const PROGRAM = 'scripts/drill/server-process.ts'

/** An application server, and what it has written. */
export class Server {
  readonly #config: ServerConfig
  readonly #worker: Worker<ServerWords>
  #stopped: Promise<ServerWords> = new Promise(() => {})

  /** @param of Another version. @default this one */
  constructor(folder: string, config: Omit<ServerConfig, 'file'>, of?: Program) {
    this.#config = { ...config, file: join(folder, `${config.name}.jsonl`) }
    this.#worker = startWorker(PROGRAM, this.#config, of)
  }

  /** Resolves when it sells. */
  async open(): Promise<void> {
    await this.#worker.next()
    this.#stopped = this.#worker.next()
    this.#stopped.catch(() => {})
  }

  /** Waits for this, and rejects if the process ends meanwhile. */
  meanwhile<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.#stopped.then(() => work)])
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
    await this.#stopped
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
