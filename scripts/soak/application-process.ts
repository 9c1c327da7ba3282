import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'
import { endWithThisProcess, killGroup } from '../lib/servers/lifeline.js'
import { repositoryRoot } from '../lib/servers/machine.js'
import type { FromApplication, RoundReport, ToApplication } from './messages.js'

/** How long the process may take to end after everything is closed. ms */
const END_LIMIT = 20_000
/** Characters of the output that are kept, for a process that ends unexpectedly. */
const LAST_WORDS = 2_000

/** The process under test. */
export class ApplicationProcess {
  /** Rejects with the reason if the run has to end; never resolves. */
  readonly broken: Promise<never>
  readonly #child: ChildProcess
  readonly #ended: Promise<number | null>
  #stopping = false
  #receive: (word: FromApplication) => void = () => {}

  /** @param file The program; tests run another one. */
  constructor(file = 'scripts/soak/application/main.ts') {
    const root = repositoryRoot()
    this.#child = fork(join(root, 'scripts/run.mjs'), [file], {
      ...{ cwd: root, execArgv: ['--expose-gc'], stdio: ['ignore', 'ignore', 'pipe', 'ipc'] },
      // Detached, since this process handles Ctrl-C.
      detached: true,
    })
    endWithThisProcess(this.#child, undefined)
    let output = ''
    this.#child.stderr!.on('data', (chunk) => {
      output = (output + chunk).slice(-LAST_WORDS)
    })
    this.#ended = new Promise((settle) => this.#child.once('exit', settle))
    this.broken = new Promise((_, reject) => {
      this.#child.on('message', (word: FromApplication) => {
        if (word.type === 'broken') reject(new Error(word.why))
        else this.#receive(word)
      })
      void this.#ended.then((code) => {
        if (!this.#stopping) reject(new Error(`the application ended (exit code ${code}):\n${output}`))
      })
    })
    this.broken.catch(() => {})
  }

  async start(order: Omit<Extract<ToApplication, { type: 'start' }>, 'type'>): Promise<void> {
    await this.#ask({ type: 'start', ...order })
  }

  sell(round: number, ms: number): void {
    this.#child.send({ type: 'sell', round, ms } satisfies ToApplication)
  }

  async sample(): Promise<RoundReport> {
    const word = await this.#ask({ type: 'sample' })
    if (word.type !== 'sampled') throw new Error(`The application sent ${word.type} in place of a sample.`)
    return word.report
  }

  /** @throws If the process does not end by itself after everything is closed. */
  async stop(limitMs = END_LIMIT): Promise<void> {
    this.#stopping = true
    this.#child.send({ type: 'stop' } satisfies ToApplication)
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      const message = 'Everything was closed, and the process did not end: something keeps it alive.'
      timer = setTimeout(() => reject(new Error(message)), limitMs)
    })
    const code = await Promise.race([this.#ended, this.broken, late]).finally(() => clearTimeout(timer))
    if (code !== 0) throw new Error(`the application ended with exit code ${code}`)
  }

  kill(): void {
    this.#stopping = true
    killGroup(this.#child)
  }

  #ask(order: ToApplication): Promise<FromApplication> {
    const answer = new Promise<FromApplication>((resolve) => {
      this.#receive = resolve
    })
    this.#child.send(order)
    return Promise.race([answer, this.broken])
  }
}
