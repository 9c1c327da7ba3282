import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'
import { endWithThisProcess, killGroup } from '../lib/servers/lifeline.js'
import { repositoryRoot } from '../lib/servers/machine.js'
import type { Order, Settled, Word } from './messages.js'

/** How long it may take to end by itself once everything is closed. ms */
const END_LIMIT = 20_000
/** Characters of its output that are kept, for a process that ends without a word. */
const LAST_WORDS = 2_000

/** The process under test. */
export class ApplicationProcess {
  /** Rejects with what ends the run; never resolves. */
  readonly broken: Promise<never>
  readonly #child: ChildProcess
  readonly #ended: Promise<number | null>
  #stopping = false
  #hear: (word: Word) => void = () => {}

  /** @param file What it runs: another one in tests. */
  constructor(file = 'scripts/soak/application/main.ts') {
    const root = repositoryRoot()
    this.#child = fork(join(root, 'scripts/run.mjs'), [file], {
      ...{ cwd: root, execArgv: ['--expose-gc'], stdio: ['ignore', 'ignore', 'pipe', 'ipc'] },
      // Ctrl-C is for this process to handle.
      detached: true,
    })
    endWithThisProcess(this.#child, undefined)
    let output = ''
    this.#child.stderr!.on('data', (chunk) => {
      output = (output + chunk).slice(-LAST_WORDS)
    })
    this.#ended = new Promise((settle) => this.#child.once('exit', settle))
    this.broken = new Promise((_, reject) => {
      this.#child.on('message', (word: Word) => {
        if (word.type === 'broken') reject(new Error(word.why))
        else this.#hear(word)
      })
      void this.#ended.then((code) => {
        if (!this.#stopping) reject(new Error(`the application ended (exit code ${code}):\n${output}`))
      })
    })
    this.broken.catch(() => {})
  }

  async start(order: Omit<Extract<Order, { type: 'start' }>, 'type'>): Promise<void> {
    await this.#ask({ type: 'start', ...order })
  }

  sell(round: number, ms: number): void {
    this.#child.send({ type: 'sell', round, ms } satisfies Order)
  }

  async settle(): Promise<Settled> {
    const word = await this.#ask({ type: 'settle' })
    if (word.type !== 'settled') throw new Error(`${word.type} in place of a sample`)
    return word.settled
  }

  /** @throws If it does not end by itself after everything was closed. */
  async stop(limitMs = END_LIMIT): Promise<void> {
    this.#stopping = true
    this.#child.send({ type: 'stop' } satisfies Order)
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      const message = 'everything was closed, and the process did not end: something keeps it alive'
      timer = setTimeout(() => reject(new Error(message)), limitMs)
    })
    const code = await Promise.race([this.#ended, this.broken, late]).finally(() => clearTimeout(timer))
    if (code !== 0) throw new Error(`the application ended with exit code ${code}`)
  }

  kill(): void {
    this.#stopping = true
    killGroup(this.#child)
  }

  #ask(order: Order): Promise<Word> {
    const answer = new Promise<Word>((resolve) => {
      this.#hear = resolve
    })
    this.#child.send(order)
    return Promise.race([answer, this.broken])
  }
}
